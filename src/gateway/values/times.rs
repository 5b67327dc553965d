//! Dates and times, which PostgreSQL counts from the year 2000 on (`EncodeDateTime`).

const MICROSECONDS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROSECONDS;

/// So many days lie between the first of March of the year 0 and the first of January 2000.
const DAYS_TO_2000: i64 = 730_425;

/// A day, counted from the first of January 2000.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (date, era) = calendar(i64::from(days));
            date + era
        }
    }
}

/// A time of a day, in microseconds.
pub(super) fn time(microseconds: i64) -> String {
    let (seconds, fraction) = (microseconds / MICROSECONDS, microseconds % MICROSECONDS);
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3600);
    let text = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if fraction == 0 {
        return text;
    }
    let fraction = format!("{fraction:06}");
    format!("{text}.{}", fraction.trim_end_matches('0'))
}

/// A moment, in microseconds, with the zone that it is told in.
pub(super) fn timestamp(microseconds: i64, zone: &str) -> String {
    match microseconds {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        moment => {
            let (date, era) = calendar(moment.div_euclid(DAY));
            format!("{date} {}{zone}{era}", time(moment.rem_euclid(DAY)))
        }
    }
}

/// A day of the Gregorian calendar, and what is written behind it before the year 1.
fn calendar(days: i64) -> (String, &'static str) {
    // Years that begin in March have their leap day at the end; 400 of them are 146,097 days.
    let days = days + DAYS_TO_2000;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    let month = if is_next_year { month - 9 } else { month + 3 };
    let year = 400 * cycle + year + i64::from(is_next_year);
    // There is no year 0.
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    (format!("{year:04}-{month:02}-{day:02}"), era)
}
