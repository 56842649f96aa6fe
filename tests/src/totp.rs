//! One-time codes, computed here and not by the crate the extension computes them with (RFC 4226, RFC 6238).

use aws_lc_rs::hmac;
use std::path::PathBuf;
use std::process::Command;

/// The bytes of a base32 text without padding.
pub fn bytes_of(base32: &str) -> Vec<u8> {
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for letter in base32.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => panic!("{base32} is not base32"),
        };
        bits = (bits << 5) | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
        }
    }
    bytes
}

/// The code an authenticator app shows at this second.
pub fn code_at(secret: &str, unix_seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes_of(secret));
    let tag = hmac::sign(&key, &unix_seconds.div_euclid(30).to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0xf);
    let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().expect("four bytes"));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The code it shows now.
pub fn code(secret: &str) -> String {
    code_at(secret, crate::forge::now())
}

/// Six digits that are no code of this secret about now.
pub fn wrong_code(secret: &str) -> String {
    let now = crate::forge::now();
    let near: Vec<String> = (-5..=5)
        .map(|step| code_at(secret, now + 30 * step))
        .collect();
    [
        "000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777", "888888",
        "999999", "123456", "654321",
    ]
    .into_iter()
    .find(|wrong| !near.iter().any(|code| code == wrong))
    .expect("eleven codes are not twelve")
    .to_owned()
}

/// The same by `pyotp`, which `deploy/python` installs.
pub fn code_by_pyotp(secret: &str, unix_seconds: i64) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/python");
    let printed = Command::new(script).output().expect("deploy/python runs");
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let directory = String::from_utf8(printed.stdout).expect("a path");
    let output = Command::new(PathBuf::from(directory.trim()).join("bin/python"))
        .args([
            "-c",
            "import pyotp, sys; print(pyotp.TOTP(sys.argv[1]).at(int(sys.argv[2])))",
        ])
        .args([secret, &unix_seconds.to_string()])
        .output()
        .expect("python runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("digits")
        .trim()
        .to_owned()
}
