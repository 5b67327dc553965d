//! Password files: `host:port:database:user:password`, one a line (PostgreSQL documentation,
//! 34.16).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::target::Password;

/// What a password is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// A password file's text, once it has been found fit to use.
#[derive(Default)]
pub(super) struct Passwords(String);

impl Passwords {
    /// Reads the file. One that is not there holds nothing; one that others may read, or that is no
    /// plain file, is ignored with a warning, as libpq does.
    pub(super) fn read(file: &Path, warnings: &mut Vec<String>) -> Self {
        let warning = match std::fs::metadata(file) {
            Ok(metadata) if !metadata.is_file() => "it is not a plain file",
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                "others may read it; make its permissions u=rw (0600) or less"
            }
            Ok(_) => match std::fs::read(file) {
                Ok(bytes) => return Self(legible(&bytes, file, warnings)),
                Err(_) => "it cannot be read",
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::default(),
            Err(_) => "it cannot be read",
        };
        warnings.push(format!("the password file {} is ignored: {warning}", file.display()));
        Self::default()
    }

    /// The password of the first line that fits.
    pub(super) fn find(&self, account: Account<'_>) -> Option<Password> {
        let mut lines = self.0.lines().filter(|line| !line.starts_with('#'));
        // The first line that fits decides, even with an empty password, which is none: libpq does
        // not look further either, and refuses to send an empty one (`pg_fe_sendauth`, fe-auth.c).
        let found = lines.find_map(|line| password(line, account))?;
        (!found.is_empty()).then(|| Password::new(found))
    }
}

/// The lines that are UTF-8. Of another there is a warning: its password, changed, would be refused
/// without a word of why.
fn legible(bytes: &[u8], file: &Path, warnings: &mut Vec<String>) -> String {
    let mut text = String::with_capacity(bytes.len());
    for (nth, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.extend([line, "\n"]),
            Err(_) if line.starts_with(b"#") => {}
            Err(_) => {
                let (line, file) = (nth + 1, file.display());
                warnings.push(format!(
                    "line {line} of the password file {file} is ignored: it is not UTF-8"
                ));
            }
        }
    }
    text
}

/// The line's password, when the line is about this account.
fn password(line: &str, account: Account<'_>) -> Option<String> {
    let port = account.port.to_string();
    let mut rest = line;
    for wanted in [account.host, &port, account.database, account.user] {
        let (field, behind) = field(rest)?;
        if is_other(&field, &rest[..rest.len() - behind.len()], wanted) {
            return None;
        }
        rest = behind;
    }
    Some(unescape(rest))
}

/// Whether a field is about something else. Only a bare `*` is a wildcard, an escaped one is a
/// name.
fn is_other(field: &str, raw: &str, wanted: &str) -> bool {
    // `raw` still has the colon behind the field, and the escapes in it: `\*:` is no wildcard.
    raw != "*:" && field != wanted
}

/// The text up to the next colon that is not escaped, and what is behind it.
fn field(line: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => return Some((unescape(&line[..at]), &line[at + 1..])),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    const ACCOUNT: Account<'static> =
        Account { host: "localhost", port: 5432, database: "db", user: "alice" };

    fn find(text: &str) -> Option<Password> {
        Passwords(text.to_owned()).find(ACCOUNT)
    }

    #[test]
    fn a_line_that_is_not_utf8_is_ignored_with_a_warning() {
        let mut warnings = Vec::new();
        let bytes = b"# caf\xe9\n*:*:*:alice:caf\xe9\n*:*:*:*:right\n";
        let text = legible(bytes, Path::new("pass"), &mut warnings);
        assert_eq!(warnings, ["line 2 of the password file pass is ignored: it is not UTF-8"]);
        assert_eq!(find(&text).unwrap().reveal(), "right");
    }

    fn escape(text: &str) -> String {
        text.replace('\\', "\\\\").replace(':', "\\:")
    }

    #[test]
    fn the_first_line_that_fits_wins() {
        let text = "# comment\nother:*:*:*:no\nlocalhost:5432:*:alice:first\n*:*:*:*:second\n";
        assert_eq!(find(text), Some(Password::new("first")));
    }

    #[test]
    fn an_escaped_star_is_no_wildcard() {
        assert_eq!(find("\\*:*:*:*:no\n"), None);
    }

    #[test]
    fn a_line_that_is_too_short_fits_nobody() {
        assert_eq!(find("localhost:5432:db\n"), None);
    }

    #[test]
    fn a_file_that_others_may_read_is_ignored_with_a_warning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "*:*:*:*:secret\n").unwrap();
        file.as_file().set_permissions(PermissionsExt::from_mode(0o640)).unwrap();
        let mut warnings = Vec::new();
        assert_eq!(Passwords::read(file.path(), &mut warnings).find(ACCOUNT), None);
        assert!(warnings[0].contains("0600"), "{warnings:?}");
        file.as_file().set_permissions(PermissionsExt::from_mode(0o600)).unwrap();
        let found = Passwords::read(file.path(), &mut Vec::new()).find(ACCOUNT);
        assert_eq!(found, Some(Password::new("secret")));
    }

    proptest! {
        #[test]
        fn any_account_finds_its_own_line(
            host in "[^\0\r\n]+",
            database in "[^\0\r\n]+",
            user in "[^\0\r\n]+",
            word in "[^\0\r\n]+",
        ) {
            let line = [&host, "1", &database, &user, &word].map(escape).join(":");
            prop_assume!(!line.starts_with('#'));
            let account = Account { host: &host, port: 1, database: &database, user: &user };
            prop_assert_eq!(Passwords(line).find(account), Some(Password::new(word)));
        }
    }
}
