//! Who is connected.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::event::Pid;
use crate::gateway::mode::Mode;
use crate::gateway::start_up_options::settings;

/// A connection of a client. No two in one process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

impl ClientId {
    /// One that nobody has had.
    pub(in crate::gateway) fn next() -> Self {
        static GIVEN: AtomicU64 = AtomicU64::new(1);
        Self(GIVEN.fetch_add(1, Ordering::Relaxed))
    }
}

/// A client that has been let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: ClientId,
    /// Its backend, as `pg_backend_pid()` tells it to the client itself.
    pub pid: Pid,
    pub mode: Mode,
    /// The listening address at which it came in; nothing for the Unix socket.
    pub came_by: Option<SocketAddr>,
    /// What its start-up packet says, in its order: user, database, `application_name` and so on.
    pub parameters: Vec<(String, String)>,
}

impl Client {
    /// A parameter of the start-up packet; of several the last, as for PostgreSQL.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut known = self.parameters.iter().rev();
        known.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn user(&self) -> &str {
        self.parameter("user").unwrap_or_default()
    }

    /// The database that it asked for; where it named none, that is the one called like the user.
    pub fn database(&self) -> &str {
        let named = self.parameter("database").filter(|name| !name.is_empty());
        named.unwrap_or_else(|| self.user())
    }

    /// What it called itself when it came; what it calls itself now is in each of its statements.
    pub fn application(&self) -> &str {
        self.parameter("application_name").unwrap_or_default()
    }

    /// A setting that it came with: a parameter of that name, or `-c name=value` or `--name=value`
    /// in `options`. A parameter wins, as in PostgreSQL (`process_startup_options`).
    pub fn option(&self, name: &str) -> Option<String> {
        let mut known = self.parameters.iter().rev();
        let parameter = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, value)) = parameter {
            return Some(value.clone());
        }
        let options = settings(self.parameter("options")?);
        let mut options = options.into_iter().rev();
        options.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parameters: &[(&str, &str)]) -> Client {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters = parameters.iter().map(owned).collect();
        let (id, mode) = (ClientId::next(), Mode::PassThrough);
        Client { id, pid: Pid(1), mode, came_by: None, parameters }
    }

    #[test]
    fn a_setting_is_found_however_it_was_given() {
        for options in [
            "-c overbooked.actor=alice",
            "-coverbooked.actor=alice",
            "--overbooked.actor=alice",
            "-c geqo=off -c Overbooked.Actor=alice -e",
            "-c overbooked.actor=bob -c overbooked.actor=alice",
        ] {
            let client = with(&[("user", "shop"), ("options", options)]);
            assert_eq!(client.option("overbooked.actor").as_deref(), Some("alice"), "{options}");
            assert_eq!(client.option("overbooked.acto"), None, "{options}");
        }
        let client = with(&[("options", r"-c a=b\ c\\d --statement-timeout=1"), ("a", "e")]);
        assert_eq!(client.option("statement_timeout").as_deref(), Some("1"));
        assert_eq!(client.option("a").as_deref(), Some("e"), "a parameter wins");
        let client = with(&[("options", r"-c a=b\ c\\d")]);
        assert_eq!(client.option("a").as_deref(), Some(r"b c\d"));
    }

    #[test]
    fn who_names_no_database_means_the_one_called_like_the_user() {
        assert_eq!(with(&[("user", "shop")]).database(), "shop");
        assert_eq!(with(&[("user", "shop"), ("database", "")]).database(), "shop");
        let client = with(&[("user", "shop"), ("database", "d"), ("application_name", "x")]);
        assert_eq!((client.database(), client.application()), ("d", "x"));
        assert_ne!(client.id, with(&[]).id);
    }
}
