//! An address for a camera.

use qrcode::{Color, EcLevel, QrCode as Encoder};

use crate::stage::room::QrCode;

/// The code of a text; no rows, where it is too long for one.
pub(super) fn code(text: &str) -> QrCode {
    let Ok(code) = Encoder::with_error_correction_level(text, EcLevel::L) else {
        return QrCode::default();
    };
    let modules: Vec<bool> = code.to_colors().into_iter().map(|it| it == Color::Dark).collect();
    QrCode { rows: modules.chunks(code.width()).map(<[bool]>::to_vec).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_square_with_three_corners_to_find_it_by() {
        let code = code("http://192.168.7.3:8080/join/abcdefghjkmn");
        let size = code.rows.len();
        assert!(code.rows.iter().all(|row| row.len() == size) && size <= 33, "{size}");
        let finder = [true, true, true, true, true, true, true, false];
        assert_eq!(code.rows[0][..8], finder);
        assert!(code.rows[0][size - 7..].iter().all(|module| *module));
        assert!(code.rows[size - 1][..7].iter().all(|module| *module));
        assert_eq!(super::code(&"x".repeat(9000)).rows.len(), 0);
    }
}
