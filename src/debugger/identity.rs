//! Who a guest is, from what it says of itself.
//!
//! In this order of trust, the first that there is:
//!
//! ```text
//!  a port of its own          --actor alice=127.0.0.1:5441
//!  the setting                options='-c overbooked.actor=alice', SET overbooked.actor = 'alice'
//!  a comment in its SQL       /*controller='bookings',action='create'*/
//!  application_name           as it is now
//!  user
//!  guest 1, 2, …              in order of first statements
//! ```
//!
//! A SET counts from when it arrives, SET LOCAL to its transaction's end, and a rollback takes back
//! what its transaction has set, as in PostgreSQL. A comment is its transaction's name until that
//! ends: a COMMIT has no comment.

use std::fmt;

use crate::core::event::TransactionStatus;
use crate::core::syntax::Strings;
use crate::gateway::Client;

mod comment;
mod names;
mod setting;

pub use names::{Names, session_name};
use setting::Setting;

/// PostgreSQL takes any setting with a dot in its name, so it harms nothing without us.
pub const ACTOR_SETTING: &str = "overbooked.actor";

/// How long an actor's name may be, in characters; that of a request's route may be any.
const LONGEST_NAME: usize = 48;

/// Who a guest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// As it is shown. Others may have the same at the same time.
    pub name: String,
    pub source: Source,
}

/// How it is known who a guest is, the most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Port,
    Setting,
    Comment,
    ApplicationName,
    User,
    /// Nothing but the order of first statements.
    Order,
}

/// What one connection has said of who it is.
#[derive(Clone, Debug)]
pub struct Identity {
    port: Option<String>,
    actor: Setting,
    application: Option<String>,
    user: Option<String>,
    /// Of the transaction in flight.
    comment: Option<String>,
    /// Its number in order of first statements.
    number: Option<usize>,
}

impl Identity {
    /// Of a client, and of the actor by whose own port it has come in.
    pub fn new(port: Option<&str>, client: &Client) -> Self {
        Self {
            port: port.and_then(clean),
            actor: Setting::new(client.option(ACTOR_SETTING)),
            application: clean(client.application()),
            user: clean(client.user()),
            comment: None,
            number: None,
        }
    }

    /// What it calls itself now, perhaps nothing.
    pub fn calls_itself(&mut self, application: &str) {
        self.application = clean(application);
    }

    /// A statement has arrived, with its parameters in their places: `set_config` may have them.
    /// `status` is what the server would say before it.
    pub fn hear(&mut self, sql: &str, strings: Strings, mut status: TransactionStatus) {
        if self.comment.is_none() {
            self.comment = comment::name(sql, strings).and_then(|name| clean(&name));
        }
        for part in setting::parts(sql, strings) {
            self.actor.hear(&part, status);
            status = part.status_after(status);
        }
    }

    /// The server is ready for what comes next: outside of a block the transaction is over.
    pub fn ready(&mut self, status: TransactionStatus) {
        if status == TransactionStatus::Idle {
            self.comment = None;
            self.actor.forget_transaction();
        }
    }

    /// Who it is now. Who says nothing of itself gets the next number, and keeps it.
    pub fn actor(&mut self, names: &mut Names) -> Actor {
        let by =
            |name: Option<&str>, source| name.and_then(clean).map(|name| Actor { name, source });
        let known = by(self.port.as_deref(), Source::Port)
            .or_else(|| by(self.actor.value(), Source::Setting))
            .or_else(|| by(self.comment.as_deref(), Source::Comment))
            .or_else(|| by(self.application.as_deref(), Source::ApplicationName))
            .or_else(|| by(self.user.as_deref(), Source::User));
        known.unwrap_or_else(|| {
            let number = *self.number.get_or_insert_with(|| names.next_number());
            Actor { name: format!("guest {number}"), source: Source::Order }
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Port => "its port",
            Self::Setting => ACTOR_SETTING,
            Self::Comment => "a comment in its SQL",
            Self::ApplicationName => "application_name",
            Self::User => "its user",
            Self::Order => "order of first statements",
        })
    }
}

/// A name that can be shown: on one line, not too long, and not empty.
fn clean(name: &str) -> Option<String> {
    let blanks = name.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = blanks.filter(|word| !word.is_empty()).collect();
    let short: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    let short = short.trim_end();
    (!short.is_empty()).then(|| short.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::event::Pid;
    use crate::gateway::{ClientId, Mode};

    const IDLE: TransactionStatus = TransactionStatus::Idle;
    const IN_BLOCK: TransactionStatus = TransactionStatus::InTransaction;

    fn client(parameters: &[(&str, &str)]) -> Client {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Client {
            id: ClientId(1),
            pid: Pid(1),
            mode: Mode::PassThrough,
            came_by: None,
            parameters: parameters.iter().map(owned).collect(),
        }
    }

    fn shop() -> Identity {
        Identity::new(None, &client(&[("user", "web"), ("application_name", "Shop")]))
    }

    fn bob() -> Client {
        client(&[("options", "-c overbooked.actor=bob"), ("application_name", "Shop")])
    }

    fn who(identity: &mut Identity) -> (String, Source) {
        let Actor { name, source } = identity.actor(&mut Names::default());
        (name, source)
    }

    fn is(identity: &mut Identity, name: &str, source: Source) {
        assert_eq!(who(identity), (name.to_owned(), source));
    }

    fn says(identity: &mut Identity, sql: &str, status: TransactionStatus) {
        identity.hear(sql, Strings::Conforming, status);
    }

    fn hears(identity: &mut Identity, sql: &str) {
        says(identity, sql, IDLE);
    }

    #[test]
    fn the_most_trusted_source_counts() {
        let mut nobody = Identity::new(None, &client(&[]));
        is(&mut nobody, "guest 1", Source::Order);
        is(&mut Identity::new(None, &client(&[("user", "web")])), "web", Source::User);
        let mut guest = shop();
        is(&mut guest, "Shop", Source::ApplicationName);
        hears(&mut guest, "select 1 /*controller='bookings',action='create'*/");
        is(&mut guest, "bookings#create", Source::Comment);
        hears(&mut guest, "SET overbooked.actor = 'alice'");
        is(&mut guest, "alice", Source::Setting);
        is(&mut Identity::new(None, &bob()), "bob", Source::Setting);
        is(&mut Identity::new(Some("eve"), &bob()), "eve", Source::Port);
    }

    #[test]
    fn guests_are_counted_in_order_of_first_statements() {
        let mut names = Names::default();
        let mut guests = [(); 2].map(|()| Identity::new(None, &client(&[])));
        let mut name = |of: usize| guests[of].actor(&mut names).name;
        assert_eq!([name(1), name(0), name(1)], ["guest 1", "guest 2", "guest 1"]);
    }

    #[test]
    fn a_setting_is_heard_in_every_form() {
        for sql in [
            "set overbooked.actor = alice",
            "SET SESSION Overbooked.Actor TO 'alice'",
            "set \"overbooked\".actor = \"alice\"",
            "select set_config('overbooked.actor', 'alice', false)",
            "select pg_catalog.set_config('Overbooked.Actor'::text, 'alice'::text, 'f'::bool), 1",
            "select 1; set overbooked.actor = 'alice'; select 2",
            "set overbooked.actor = 'alice' /* here */",
        ] {
            let mut guest = shop();
            hears(&mut guest, sql);
            is(&mut guest, "alice", Source::Setting);
        }
        for sql in [
            "set overbooked.actor = ''",
            "set overbooked.actors = 'alice'",
            "select 'set overbooked.actor = x'",
            "set local overbooked.actor = 'alice'",
            "set overbooked.actor to default",
        ] {
            let mut guest = shop();
            hears(&mut guest, sql);
            is(&mut guest, "Shop", Source::ApplicationName);
        }
        let mut guest = shop();
        hears(&mut guest, "set overbooked.actor = 'o''brien'");
        is(&mut guest, "o'brien", Source::Setting);
    }

    #[test]
    fn a_reset_gives_back_what_the_start_up_said() {
        for sql in [
            "reset overbooked.actor",
            "RESET ALL",
            "discard all",
            "set overbooked.actor to default",
        ] {
            let mut guest = Identity::new(None, &bob());
            hears(&mut guest, "set overbooked.actor = 'alice'");
            hears(&mut guest, sql);
            is(&mut guest, "bob", Source::Setting);
        }
    }

    #[test]
    fn the_application_may_be_renamed() {
        let mut guest = shop();
        guest.calls_itself("Tickets");
        is(&mut guest, "Tickets", Source::ApplicationName);
        guest.calls_itself("");
        is(&mut guest, "web", Source::User);
    }

    #[test]
    fn what_a_transaction_sets_lasts_as_in_postgresql() {
        let mut guest = shop();
        let mut says = |sql: &str, before: TransactionStatus, after: TransactionStatus| {
            super::tests::says(&mut guest, sql, before);
            guest.ready(after);
            who(&mut guest).0
        };
        says("begin", IDLE, IN_BLOCK);
        assert_eq!(says("set overbooked.actor = 'alice'", IN_BLOCK, IN_BLOCK), "alice");
        assert_eq!(says("set local overbooked.actor = 'bob'", IN_BLOCK, IN_BLOCK), "bob");
        assert_eq!(says("commit", IN_BLOCK, IDLE), "alice");
        says("begin", IDLE, IN_BLOCK);
        assert_eq!(says("set overbooked.actor = 'eve'", IN_BLOCK, IN_BLOCK), "eve");
        assert_eq!(says("rollback", IN_BLOCK, IDLE), "alice");
        says("begin", IDLE, IN_BLOCK);
        says("set overbooked.actor = 'eve'", IN_BLOCK, TransactionStatus::Failed);
        assert_eq!(says("commit", TransactionStatus::Failed, IDLE), "alice");
        let whole = "begin; set local overbooked.actor = 'bob'; select 1";
        assert_eq!(says(whole, IDLE, IN_BLOCK), "bob");
    }

    #[test]
    fn a_comment_names_its_transaction() {
        let mut guest = shop();
        says(&mut guest, "begin", IDLE);
        guest.ready(IN_BLOCK);
        says(&mut guest, "select 1 /*action:create,controller:bookings*/", IN_BLOCK);
        says(&mut guest, "commit", IN_BLOCK);
        is(&mut guest, "bookings#create", Source::Comment);
        guest.ready(IDLE);
        is(&mut guest, "Shop", Source::ApplicationName);
    }

    #[test]
    fn names_are_fit_to_be_shown() {
        assert_eq!(clean(" a\n\u{1b}[31mb ").as_deref(), Some("a [31mb"));
        assert_eq!(clean(" \t "), None);
        assert_eq!(clean(&"x".repeat(500)).unwrap().len(), LONGEST_NAME);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(sql in any::<String>(), inside in "[a-z':=,%*/ ]{0,40}") {
            let mut guest = shop();
            for sql in [sql, format!("/*{inside}*/"), format!("set overbooked.actor {inside}"),
                format!("select set_config('overbooked.actor'{inside}")] {
                hears(&mut guest, &sql);
            }
            let (name, _) = who(&mut guest);
            prop_assert!(!name.is_empty() && !name.contains(char::is_control));
        }
    }
}
