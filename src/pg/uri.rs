//! Connection URLs: `postgresql://user:password@host:port,host:port/database?keyword=value`
//! (PostgreSQL documentation, 34.1.1.2).
//!
//! libpq reads them in its own way, which no general URL parser follows: several hosts, sockets'
//! folders as percent-encoded hosts, no fragment.

use super::keywords::Settings;
use super::target_error::TargetError;

/// What a URL begins with.
const PREFIXES: [&str; 2] = ["postgresql://", "postgres://"];

/// What follows the prefix, when a text is a URL.
pub(super) fn strip_prefix(text: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix))
}

/// Reads what follows the prefix.
pub(super) fn parse(text: &str, rest: &str) -> Result<Settings, TargetError> {
    let mut reader = Reader { text, rest, settings: Settings::default() };
    reader.user_and_password()?;
    reader.hosts()?;
    if reader.skip('/') {
        let database = reader.take_until("?");
        reader.store_given("dbname", database)?;
    }
    if reader.skip('?') {
        reader.parameters()?;
    }
    Ok(reader.settings)
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    settings: Settings,
}

impl<'a> Reader<'a> {
    fn user_and_password(&mut self) -> Result<(), TargetError> {
        // As in libpq, a `/` before the `@` ends the hosts: `u:half/rest@h` has no user, and `half`
        // is read as a port. That is why an error about a port must not repeat it.
        let Some(end) = self.rest.find(['@', '/']).filter(|end| self.rest[*end..].starts_with('@'))
        else {
            return Ok(());
        };
        let (who, rest) = self.rest.split_at(end);
        match who.split_once(':') {
            Some((user, password)) => {
                self.store_given("user", user)?;
                self.store_given("password", password)?;
            }
            None => self.store_given("user", who)?,
        }
        self.rest = &rest[1..];
        Ok(())
    }

    /// Hosts and ports, separated by commas. The lists are kept as libpq keeps them, with commas,
    /// and taken apart later.
    fn hosts(&mut self) -> Result<(), TargetError> {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        loop {
            hosts.push(self.host()?);
            ports.push(if self.skip(':') { self.take_until("/?,") } else { "" });
            if !self.skip(',') {
                break;
            }
        }
        if hosts.iter().any(|host| !host.is_empty()) {
            self.store("host", &hosts.join(","))?;
        }
        // Without any port the keyword stays unset, and PGPORT or a service may set it.
        if ports.iter().any(|port| !port.is_empty()) {
            self.store("port", &ports.join(","))?;
        }
        Ok(())
    }

    fn host(&mut self) -> Result<&'a str, TargetError> {
        if !self.skip('[') {
            return Ok(self.take_until(":/?,"));
        }
        let host = self.take_until("]");
        if host.is_empty() || !self.skip(']') {
            return Err(self.malformed(self.rest, "an IPv6 address must be enclosed in [ and ]"));
        }
        if self.rest.starts_with(|c| !":/?,".contains(c)) {
            return Err(self.malformed(self.rest, "only : / ? or , can follow ]"));
        }
        Ok(host)
    }

    fn parameters(&mut self) -> Result<(), TargetError> {
        let rest = std::mem::take(&mut self.rest);
        for parameter in rest.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((keyword, value)) = parameter.split_once('=') else {
                return Err(self.malformed(parameter, "this parameter has no \"=\""));
            };
            if value.contains('=') {
                return Err(self.malformed(value, "this parameter has a second \"=\"; write %3D"));
            }
            let keyword = self.decode(keyword)?;
            match (keyword.as_str(), value) {
                // What JDBC writes.
                ("ssl", "true") => self.settings.set("sslmode", "require".to_owned())?,
                (keyword, value) => self.store(keyword, value)?,
            }
        }
        Ok(())
    }

    /// Parts of the URL proper that are empty leave their keyword to the environment.
    fn store_given(&mut self, keyword: &str, encoded: &str) -> Result<(), TargetError> {
        if encoded.is_empty() { Ok(()) } else { self.store(keyword, encoded) }
    }

    fn store(&mut self, keyword: &str, encoded: &str) -> Result<(), TargetError> {
        let value = self.decode(encoded)?;
        self.settings.set(keyword, value)
    }

    fn skip(&mut self, c: char) -> bool {
        let behind = self.rest.strip_prefix(c);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn take_until(&mut self, ends: &str) -> &'a str {
        let end = self.rest.find(|c| ends.contains(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Undoes percent-encoding. A plus sign is a plus sign.
    fn decode(&self, encoded: &str) -> Result<String, TargetError> {
        let mut bytes = Vec::with_capacity(encoded.len());
        let mut rest = encoded.as_bytes();
        while let Some((byte, behind)) = rest.split_first() {
            rest = behind;
            bytes.push(match byte {
                b'%' => {
                    let (digits, behind) = rest.split_at_checked(2).unwrap_or((rest, b""));
                    rest = behind;
                    hex(digits).ok_or_else(|| {
                        self.malformed(
                            encoded,
                            "% must be followed by two hexadecimal digits, not 00",
                        )
                    })?
                }
                byte => *byte,
            });
        }
        String::from_utf8(bytes).map_err(|_| self.malformed(encoded, "this is not UTF-8"))
    }

    /// An error at the place in the text where a piece of it begins.
    fn malformed(&self, piece: &str, reason: &'static str) -> TargetError {
        // The piece is borrowed from the text, so its address tells its place, and no reader has to
        // carry a position along.
        let byte = (piece.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..byte).unwrap_or_default();
        TargetError::Malformed { at: before.chars().count() + 1, reason }
    }
}

/// A byte from its two digits; the zero byte cannot be part of a setting.
fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.len() != 2 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(text, 16).ok().filter(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(&'static str, String)>, TargetError> {
        let settings = parse(text, strip_prefix(text).expect("a URL"))?;
        Ok(settings.pairs().into_iter().map(|(k, v)| (k, v.to_owned())).collect())
    }

    #[track_caller]
    fn assert_reads(text: &str, expected: &[(&'static str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        assert_eq!(read(text).unwrap(), expected, "{text}");
    }

    fn encode(value: &str) -> String {
        value.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
    }

    /// Those of libpq's own tests (`001_uri.pl`) that show a rule each.
    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        assert_reads(
            "postgresql://uri-user:secret@host:12345/db",
            &[
                ("dbname", "db"),
                ("host", "host"),
                ("password", "secret"),
                ("port", "12345"),
                ("user", "uri-user"),
            ],
        );
        assert_reads("postgresql://", &[]);
        assert_reads("postgres://host?", &[("host", "host")]);
        assert_reads("postgres://[::1]:5433/", &[("host", "::1"), ("port", "5433")]);
        assert_reads("postgres:///?host=/path/to/socket/dir", &[("host", "/path/to/socket/dir")]);
        assert_reads(
            "postgres://%2Fvar%2Flib%2Fpostgresql/dbname",
            &[("dbname", "dbname"), ("host", "/var/lib/postgresql")],
        );
        assert_reads("postgres://a:1,b/d", &[("dbname", "d"), ("host", "a,b"), ("port", "1,")]);
        assert_reads(
            "postgres://u%40x:p%3Aw@h",
            &[("host", "h"), ("password", "p:w"), ("user", "u@x")],
        );
        assert_reads(
            "postgres://h/d?ssl=true&connect_timeout=3",
            &[("connect_timeout", "3"), ("dbname", "d"), ("host", "h"), ("sslmode", "require")],
        );
    }

    #[test]
    fn broken_urls_are_refused_at_their_place() {
        for (text, at) in [
            ("postgres://host/db%g1", 17),
            ("postgres://host?x", 17),
            ("postgres://host?user=a=b", 22),
            ("postgres://[::1", 16),
            ("postgres://host/%00", 17),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(error, TargetError::Malformed { at: found, .. } if found == at),
                "{text}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_setting_survives_encoding(
            user in "[^\0]+", password in "[^\0]+", database in "[^\0]+", options in "[^\0]*",
        ) {
            let url = format!(
                "postgres://{}:{}@h/{}?options={}",
                encode(&user), encode(&password), encode(&database), encode(&options),
            );
            prop_assert_eq!(read(&url).unwrap(), [
                ("dbname", database),
                ("host", "h".to_owned()),
                ("options", options),
                ("password", password),
                ("user", user),
            ]);
        }

        #[test]
        fn no_url_is_too_strange_to_be_read_or_refused(text in any::<String>()) {
            read(&format!("postgres://{text}")).ok();
        }
    }
}
