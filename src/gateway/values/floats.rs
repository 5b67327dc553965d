//! Floating-point numbers with as many digits as bring the same number back (`float4out` and
//! `float8out`, PostgreSQL 12 and later).

/// From this power of ten on, `float4out` writes one.
const LEAST_LONG_SINGLE: i32 = 6;

/// The same for `float8out`.
const LEAST_LONG_DOUBLE: i32 = 15;

pub(super) fn single(value: f32) -> String {
    special(f64::from(value)).unwrap_or_else(|| written(&format!("{value:e}"), LEAST_LONG_SINGLE))
}

pub(super) fn double(value: f64) -> String {
    special(value).unwrap_or_else(|| written(&format!("{value:e}"), LEAST_LONG_DOUBLE))
}

fn special(value: f64) -> Option<String> {
    let text = match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => return None,
    };
    Some(text.to_owned())
}

/// `-1.25e-7` as PostgreSQL writes it.
fn written(scientific: &str, least_long: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    if !(-4..least_long).contains(&exponent) {
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{direction}{:02}", exponent.unsigned_abs());
    }
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let before = usize::try_from(exponent + 1).unwrap_or(0);
    if exponent < 0 {
        format!("{sign}0.{}{digits}", zeros(-exponent - 1))
    } else if digits.len() <= before {
        let missing = i32::try_from(before - digits.len()).unwrap_or(0);
        format!("{sign}{digits}{}", zeros(missing))
    } else {
        format!("{sign}{}.{}", &digits[..before], &digits[before..])
    }
}
