//! PostgreSQL's version numbers, as its programs tell them.

use std::fmt;

/// The oldest major version that Overbooked starts by itself. A newer one than any of today is
/// started too: PostgreSQL keeps what we use of it.
pub(super) const OLDEST: u32 = 12;

/// A version of PostgreSQL: `15.20`, `18beta1`. Newer is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    text: String,
}

impl Version {
    /// Reads what `postgres --version` prints: `postgres (PostgreSQL) 15.20 (Debian
    /// 15.20-0+deb12u1)`.
    pub(super) fn from_banner(banner: &str) -> Option<Self> {
        let (_, rest) = banner.split_once("(PostgreSQL) ")?;
        rest.split_whitespace().next()?.parse().ok()
    }

    /// 15 of 15.20.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Whether Overbooked knows how to start it.
    pub(super) fn is_supported(&self) -> bool {
        self.major >= OLDEST
    }
}

impl std::str::FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let major_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (major, rest) = text.split_at(major_end);
        let minor = rest.strip_prefix('.').unwrap_or("0");
        let minor_end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
        Ok(Self {
            major: major.parse()?,
            minor: minor[..minor_end].parse()?,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banner_with_a_packagers_remark_is_read() {
        let banner = "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n";
        let version = Version::from_banner(banner).unwrap();
        assert_eq!((version.major(), version.to_string().as_str()), (15, "15.20"));
    }

    #[test]
    fn a_newer_version_is_greater_by_number_not_by_text() {
        let read = |text: &str| text.parse::<Version>().unwrap();
        assert!(read("9.6.24") < read("12.0"));
        assert!(read("17.2") < read("17.10"));
        assert!(read("17.10") < read("18beta1"));
    }

    #[test]
    fn what_is_newer_than_today_is_started() {
        let is_supported = |text: &str| text.parse::<Version>().unwrap().is_supported();
        assert!(["12.0", "18.1", "19beta2", "20devel", "31.4"].into_iter().all(is_supported));
        assert!(!is_supported("11.22") && !is_supported("9.6.24"));
    }

    #[test]
    fn another_programs_banner_is_no_version() {
        assert_eq!(Version::from_banner("initdb: command not found"), None);
        assert_eq!(Version::from_banner("postgres (PostgreSQL) devel"), None);
    }
}
