//! QR codes, drawn with nothing but what the content security policy lets a page have.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules that scanners need around a code (ISO/IEC 18004 §9.1).
const QUIET: i32 = 4;

/// A QR code as SVG draws it: a square of light, and one path of dark modules.
pub struct Drawing {
    /// Modules from edge to edge, the quiet zone included.
    pub size: i32,
    /// What `d` of the path holds: letters, digits and commas.
    pub path: String,
}

/// Draws `text`; nothing when it is too long for any QR code.
pub fn draw(text: &str) -> Option<Drawing> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let end = (x..code.size())
                .find(|end| !code.get_module(*end, y))
                .unwrap_or(code.size());
            let width = end - x;
            if width > 0 {
                let (left, top) = (x + QUIET, y + QUIET);
                let _ = write!(path, "M{left},{top}h{width}v1h-{width}z");
            }
            x = end + 1;
        }
    }
    Some(Drawing {
        size: code.size() + 2 * QUIET,
        path,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_and_no_other() {
        let text = "otpauth://totp/Claimcheck:ada%40example.org?secret=GEZDGNBVGY3TQOJQ";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let drawing = draw(text).unwrap();

        let mut drawn = std::collections::BTreeSet::new();
        for run in drawing.path.split('M').skip(1) {
            let (place, width) = run.split_once('h').unwrap();
            let (x, y) = place.split_once(',').unwrap();
            let width: i32 = width.split_once('v').unwrap().0.parse().unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            drawn.extend((x..x + width).map(|x| (x - QUIET, y - QUIET)));
        }
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark: std::collections::BTreeSet<_> =
            dark.filter(|(x, y)| code.get_module(*x, *y)).collect();
        assert_eq!(drawn, dark);
        assert_eq!(drawing.size, code.size() + 8);
    }

    #[test]
    fn what_no_code_can_hold_is_not_drawn() {
        assert!(draw(&"x".repeat(4_000)).is_none());
    }
}
