//! Statements whose answer is the gateway's own: something else is sent in their place.
//!
//! ```text
//!  show transaction_read_only   the backend's transaction may always write, since copies are written to
//!  show server_version          the backend's version is another
//!  discard temp                 the client has no temporary tables, but the copies are
//!  deallocate                   of a BEGIN or COMMIT, which has never reached the server
//! ```

use super::{Session, State};
use crate::gateway::SERVER_VERSION;
use crate::gateway::statement::{Access, Kind, Statement};
use crate::gateway::transaction::tables::{Named, Turned};

/// What is sent in a statement's place.
pub(crate) struct Substitute {
    sql: String,
    /// What the client's statement is called complete with.
    pub(crate) tag: &'static str,
}

/// Does nothing that anybody could see.
const NOTHING: &str = "discard plans";

impl Session {
    /// A statement as it is sent, its names turned towards the copies.
    pub(crate) fn turned(&self, statement: &Statement, named: &Named) -> Turned {
        match self.substitute(statement) {
            Some(substitute) => Turned::whole(substitute.sql),
            None => self.tables.turn(statement, named),
        }
    }

    /// What is sent in a statement's place, where its answer is the gateway's own.
    pub(crate) fn substitute(&self, statement: &Statement) -> Option<Substitute> {
        if statement.kind != Kind::Session {
            return None;
        }
        let shown = |name: &str, value: &str| {
            Some(Substitute { sql: format!("select '{value}'::text as {name}"), tag: "SHOW" })
        };
        let words = &statement.words;
        let says = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is(keyword));
        let is_temporary = says(1, "temp") || says(1, "temporary");
        if says(0, "discard") && is_temporary {
            return Some(Substitute { sql: NOTHING.to_owned(), tag: "DISCARD TEMP" });
        }
        if self.deallocates_ours(statement) {
            return Some(Substitute { sql: NOTHING.to_owned(), tag: "DEALLOCATE" });
        }
        match &self.state {
            _ if !says(0, "show") || words.len() != 2 => None,
            _ if says(1, "server_version") => shown("server_version", SERVER_VERSION),
            State::Open(open) if says(1, "transaction_read_only") => {
                let is_read_only = open.access == Access::ReadOnly;
                shown("transaction_read_only", if is_read_only { "on" } else { "off" })
            }
            _ => None,
        }
    }
}
