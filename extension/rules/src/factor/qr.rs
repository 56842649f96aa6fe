//! A QR code as a picture that a page can show without fetching anything.

use base64::{Engine, engine::general_purpose::STANDARD};
use png::{BitDepth, ColorType, Encoder};
use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules on each side (ISO/IEC 18004 asks for four).
const QUIET: i32 = 4;
/// Pixels per module, each way. At one bit per pixel that is half a byte of a row.
const SCALE: usize = 4;

/// `data:image/png;base64,…` with the QR code of this text, one bit per pixel; `None` when the text
/// is too long for one (2331 bytes).
///
/// The picture of an authenticator's address holds its secret: it is shown once and kept nowhere.
#[must_use]
pub fn qr_png_data_uri(uri: &str) -> Option<String> {
    let code = QrCode::encode_text(uri, QrCodeEcc::Medium).ok()?;
    let side = usize::try_from(code.size() + 2 * QUIET).ok()? * SCALE;
    let size = u32::try_from(side).ok()?;
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, size, size);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels(&code, side)).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

/// Rows of bits, 1 is light. A module is half a byte, so a byte holds two of them; the width is odd
/// in modules, and the last half byte of a row is not looked at.
fn pixels(code: &QrCode, side: usize) -> Vec<u8> {
    // Outside the code every module is light.
    let half = |x, y| if code.get_module(x, y) { 0x0 } else { 0xf };
    let modules = -QUIET..code.size() + QUIET;
    let mut pixels = Vec::with_capacity(side.div_ceil(8) * side);
    for y in modules.clone() {
        let row: Vec<u8> = modules
            .clone()
            .step_by(2)
            .map(|x| half(x, y) << 4 | half(x + 1, y))
            .collect();
        for _ in 0..SCALE {
            pixels.extend_from_slice(&row);
        }
    }
    pixels
}
