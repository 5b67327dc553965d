//! Steps that let time pass, for what comes by itself: `-- pause 300 ms`.

use std::time::Duration;

/// The longest pause: whoever plays a scenario gives each step half a minute.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// `300 ms`, `1.5 s`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => number / 1000.0,
        "s" => number,
        _ => return None,
    };
    // `from_secs_f64` panics where the number is more than a Duration holds.
    Duration::try_from_secs_f64(seconds).ok().filter(|pause| *pause <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_a_number_and_a_unit() {
        assert_eq!(duration("300 ms"), Some(Duration::from_millis(300)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        for text in ["300", "ms", "", "1.2.3 s", "21 s", "-1 s", "1 min"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
