//! Numbers of any length (`numeric_recv` and `numeric_out`).

use std::fmt::Write as _;

use crate::pg::frame::Fields;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;

/// How many decimal digits one of the value's has.
const DIGITS: usize = 4;

pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let mut fields = Fields::of(bytes);
    let count = fields.short()?;
    let weight = i32::from(fields.short()?.cast_signed());
    let (sign, scale) = (fields.short()?, usize::from(fields.short()?));
    let digits: Vec<u16> = (0..count).map(|_| fields.short()).collect::<Option<_>>()?;
    let sign = match sign {
        0 => "",
        NEGATIVE => "-",
        NAN => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        MINUS_INFINITY => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    // The digit of this power of ten thousand; what is not there is 0.
    let digit = |power: i32| {
        let at = usize::try_from(weight - power).ok();
        at.and_then(|at| digits.get(at)).copied().unwrap_or(0)
    };
    let mut text = sign.to_owned();
    let _never_fails = write!(text, "{}", digit(weight.max(0)));
    for power in (0..weight).rev() {
        let _never_fails = write!(text, "{:04}", digit(power));
    }
    if scale > 0 {
        let powers = i32::try_from(scale.div_ceil(DIGITS)).ok()?;
        text.push('.');
        let end = text.len() + scale;
        for power in 1..=powers {
            let _never_fails = write!(text, "{:04}", digit(-power));
        }
        text.truncate(end);
    }
    Some(text)
}
