//! Codes against the vectors of the RFCs, replay, and the forms that people see.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use std::collections::HashSet;

/// The secret of RFC 4226 appendix D and RFC 6238 appendix B.
fn secret() -> TotpSecret {
    TotpSecret::new(*b"12345678901234567890")
}

/// RFC 4226 appendix D: the codes of the first ten steps.
const CODES: [&str; 10] = [
    "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
    "520489",
];

/// RFC 6238 appendix B for SHA-1; its eight digits end in the six.
#[test]
fn rfc_6238_appendix_b() {
    for (now, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(
            matching_step(&secret(), code, now, None),
            Some(now / 30),
            "{now}"
        );
    }
}

#[test]
fn one_step_to_either_side_counts_and_two_do_not() {
    for (step, code) in (0_i64..).zip(CODES) {
        for present in 0..12 {
            for now in [present * 30, present * 30 + 29] {
                let expected = ((step - 1)..=(step + 1)).contains(&present).then_some(step);
                assert_eq!(
                    matching_step(&secret(), code, now, None),
                    expected,
                    "{step} {now}"
                );
            }
        }
    }
}

#[test]
fn a_code_is_accepted_once_and_none_of_an_earlier_step_after_it() {
    // Step 5 is the present one: 4, 5 and 6 count.
    let accepted = |code: usize, last| matching_step(&secret(), CODES[code], 150, last);
    assert_eq!(accepted(5, None), Some(5));
    assert_eq!(accepted(5, Some(4)), Some(5));
    assert_eq!(accepted(5, Some(5)), None, "the same code again");
    assert_eq!(accepted(4, Some(5)), None, "an earlier one");
    assert_eq!(accepted(6, Some(5)), Some(6), "the next one");
    assert_eq!(accepted(6, Some(6)), None);
    assert_eq!(accepted(6, Some(i64::MAX)), None);
    assert_eq!(accepted(4, Some(i64::MIN)), Some(4));
}

#[test]
fn a_code_is_six_digits_among_spaces() {
    for good in ["755224", "755 224", " 7 5 5 2 2 4 ", "755224 "] {
        assert_eq!(matching_step(&secret(), good, 0, None), Some(0), "{good:?}");
    }
    for bad in [
        "",
        " ",
        "75522",
        "7552240",
        "0755224",
        "75522a",
        "+55224",
        "755-224",
        "755\t224",
        "755224\n",
        "755224\0",
        "755\u{a0}224",
        "７５５２２４",
        "٧٥٥٢٢٤",
        "755225",
    ] {
        assert_eq!(matching_step(&secret(), bad, 0, None), None, "{bad:?}");
    }
    assert_eq!(
        matching_step(&secret(), &"7".repeat(1_000_000), 0, None),
        None
    );
}

/// Before 1970 there is no step; the step of the very beginning counts from one step before it.
#[test]
fn no_clock_breaks_it() {
    for now in [i64::MIN, -31, -30, -1, 0, i64::MAX] {
        let found = matching_step(&secret(), "755224", now, None);
        assert_eq!(found, (-30..=59).contains(&now).then_some(0), "{now}");
    }
}

/// A code that two steps share is used up for both: the later one is what is remembered.
#[test]
fn a_code_of_two_steps_is_not_accepted_twice() {
    let shared = (0_u32..).find_map(|number| {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let totp = Builder::new()
            .with_secret(Secret::new_stack(bytes))
            .build()
            .unwrap();
        let code = |step: u64| totp.generate(step * 30).to_string();
        (code(1) == code(2)).then(|| (TotpSecret::new(bytes), code(1)))
    });
    let (secret, code) = shared.unwrap();
    assert_eq!(matching_step(&secret, &code, 30, None), Some(2));
    assert_eq!(matching_step(&secret, &code, 30, Some(2)), None);
    assert_eq!(matching_step(&secret, &code, 30, Some(1)), Some(2));
}

#[test]
fn a_secret_is_twenty_bytes() {
    assert_eq!(TotpSecret::from_slice(&[7; 20]).unwrap().bytes(), &[7; 20]);
    for length in [0, 19, 21] {
        assert!(TotpSecret::from_slice(&vec![7; length]).is_none());
    }
    assert_eq!(secret().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(TotpSecret::new([0xff; 20]).base32(), "7".repeat(32));
}

#[test]
fn an_app_can_read_the_address() {
    assert_eq!(
        secret().uri("Fluxbase", "ann@example.com"),
        "otpauth://totp/Fluxbase:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Fluxbase&algorithm=SHA1&digits=6&period=30"
    );
    let odd = secret().uri("A: B&C/é", "x?y=z#:+%");
    assert!(
        odd.starts_with("otpauth://totp/A%20B%26C%2F%C3%A9:x%3Fy%3Dz%23%2B%25?secret="),
        "{odd}"
    );
    assert!(odd.contains("&issuer=A%20B%26C%2F%C3%A9&"), "{odd}");
}

#[test]
fn the_picture_is_the_code_with_its_quiet_zone() {
    let uri = secret().uri("Fluxbase", "ann@example.com");
    let data = qr_png_data_uri(&uri).unwrap();
    let png = STANDARD
        .decode(data.strip_prefix("data:image/png;base64,").unwrap())
        .unwrap();
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(reader.info().bit_depth, png::BitDepth::One);
    let code = qrcodegen::QrCode::encode_text(&uri, qrcodegen::QrCodeEcc::Medium).unwrap();
    let side = u32::try_from(code.size() + 8).unwrap() * 4;
    assert_eq!((info.width, info.height), (side, side));
    for y in 0..side {
        for x in 0..side {
            let dark = code.get_module((x / 4) as i32 - 4, (y / 4) as i32 - 4);
            let pixel = pixels[(y * side + x) as usize];
            assert_eq!(pixel, if dark { 0 } else { 255 }, "{x} {y}");
        }
    }
}

#[test]
fn a_text_too_long_for_a_code_has_none() {
    assert!(qr_png_data_uri(&"x".repeat(2331)).is_some());
    assert!(qr_png_data_uri(&"x".repeat(2332)).is_none());
    assert!(qr_png_data_uri("").is_some());
}

#[test]
fn backup_codes_are_ten_of_their_own_bits() {
    let random: [u8; 150] = std::array::from_fn(|place| u8::try_from(place * 3 % 256).unwrap());
    let codes = backup_codes(&random);
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 10);
    let of = |character: char| vec![character.to_string().repeat(4); 6].join("-");
    assert_eq!(backup_codes(&[0; 150])[9], of('0'));
    assert_eq!(backup_codes(&[0xff; 150])[0], of('z'));
    // 0x84 21 08 42 10: the bits 10000 10000 … and so on.
    let mut one = [0; 150];
    for bytes in one[135..].as_chunks_mut::<5>().0 {
        *bytes = [0x84, 0x21, 0x08, 0x42, 0x10];
    }
    assert_eq!(backup_codes(&one)[9], of('g'));
    assert_eq!(backup_codes(&one)[8], of('0'));
}

/// Each bit that is drawn is in the code: none of the 120 goes unused.
#[test]
fn a_backup_code_has_120_bits() {
    for bit in 0..1200 {
        let mut random = [0; 150];
        random[bit / 8] = 1 << (bit % 8);
        let codes = backup_codes(&random);
        let zeros = backup_codes(&[0; 150]);
        for (nth, (code, zero)) in codes.iter().zip(&zeros).enumerate() {
            assert_eq!(code != zero, nth == bit / 120, "bit {bit}");
        }
    }
}

#[test]
fn a_backup_code_is_read_however_it_is_typed() {
    for typed in [
        "0123-abcd-efgh-jkmn-pqrs-tvwx",
        "0123ABCDEFGHJKMNPQRSTVWX",
        "o123 abcd efgh jkmn pqrs tvwx",
        "OL23-ABCD-EFGH-JKMN-PQRS-TVWX",
        " 0i23--abcdefgh-jkmn pqrstvwx ",
        "0I23abcdefghjkmnpqrstvwx",
    ] {
        assert_eq!(
            normalize_backup_code(typed).as_deref(),
            Some("0123abcdefghjkmnpqrstvwx"),
            "{typed:?}"
        );
    }
    for bad in [
        "",
        "0123a-bcxyz",
        "0123abcdefghjkmnpqrstvw",
        "0123abcdefghjkmnpqrstvwx0",
        "0123abcdefghjkmnpqrstvwu",
        "0123abcdefghjkmnpqrstvw!",
        "0123abcdefghjkmnpqrstvwé",
        "0123_abcdefghjkmnpqrstvwx",
        "0123abcdefghjkmnpqrstvwx\0",
    ] {
        assert_eq!(normalize_backup_code(bad), None, "{bad:?}");
    }
    assert_eq!(normalize_backup_code(&"0".repeat(1_000_000)), None);
}

#[test]
fn a_mailed_code_is_six_digits() {
    assert_eq!(email_code(&[0; 8]), "000000");
    assert_eq!(email_code(&7_u64.to_be_bytes()), "000007");
    assert_eq!(email_code(&1_000_000_u64.to_be_bytes()), "000000");
    assert_eq!(email_code(&[0xff; 8]), "551615");
}

proptest! {
    #[test]
    fn any_secret_accepts_its_own_code_around_its_step_only(
        bytes in any::<[u8; 20]>(), step in 3_i64..10_000_000_000, late in -3_i64..=3, within in 0_i64..30,
    ) {
        let totp = Builder::new().with_secret(Secret::new_stack(bytes)).build().unwrap();
        let code = totp.generate(step.unsigned_abs() * 30).to_string();
        let secret = TotpSecret::new(bytes);
        let now = (step + late) * 30 + within;
        let found = matching_step(&secret, &code, now, None);
        if late.abs() <= 1 {
            // A neighbour may by chance share the code; then the later step is found.
            prop_assert!(found >= Some(step));
            prop_assert_eq!(matching_step(&secret, &code, now, found), None);
        } else if let Some(found) = found {
            prop_assert_eq!(totp.generate(found.unsigned_abs() * 30).to_string(), code);
        }
    }

    #[test]
    fn no_text_breaks_it(code in any::<String>(), now in any::<i64>(), last in any::<Option<i64>>()) {
        let found = matching_step(&secret(), &code, now, last);
        prop_assert!(found.is_none_or(|step| last.is_none_or(|last| step > last)));
        let _ = normalize_backup_code(&code);
    }

    #[test]
    fn every_backup_code_is_its_own_normal_form_with_dashes(random in proptest::collection::vec(any::<u8>(), 150)) {
        for code in backup_codes(&random.try_into().unwrap()) {
            prop_assert_eq!(code.len(), 29);
            prop_assert_eq!(normalize_backup_code(&code), Some(code.replace('-', "")));
            prop_assert_eq!(normalize_backup_code(&code.to_uppercase()), Some(code.replace('-', "")));
        }
    }
}
