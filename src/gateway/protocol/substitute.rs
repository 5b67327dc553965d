//! Statements whose answer is the gateway's own: something else is sent in their place.
//!
//! ```text
//!  show transaction_read_only   the backend's transaction may always write: into copies
//!  show server_version, all     the backend's version is another
//!  discard temp                 the client has no temporary tables, but the copies are
//!  call sys.wait_for_job(…)     the service's own procedure
//!  aws iam grant, revoke        the service's own statements
//!  deallocate                   of a BEGIN or COMMIT, which has never reached the server
//! ```

use super::Protocol;
use crate::gateway::dsql::{Strictness, shown_own_setting};
use crate::gateway::facade::show_all;
use crate::gateway::options::{SERVER_VERSION, SERVER_VERSION_NUMBER};
use crate::gateway::statement::{Kind, Statement};

/// What is sent in a statement's place.
pub(super) struct Substitute {
    pub(super) sql: String,
    /// What the client's statement is called complete with.
    pub(super) tag: &'static str,
}

/// Does nothing that anybody could see.
const NOTHING: &str = "discard plans";

impl Protocol {
    /// What is sent in a statement's place, where its answer is the gateway's own.
    pub(super) fn substitute(&self, statement: &Statement) -> Option<Substitute> {
        if let Some(sql) = self.context.transactions.facade().in_place_of(statement) {
            return Some(Substitute { sql, tag: "CALL" });
        }
        if let Some(change) = self.mapping_change(statement) {
            return Some(Substitute { sql: NOTHING.to_owned(), tag: change.tag() });
        }
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
        if self.names.deallocates_ours(statement) {
            return Some(Substitute { sql: NOTHING.to_owned(), tag: "DEALLOCATE" });
        }
        let is_strict = self.context.strictness == Strictness::Dsql;
        if let Some(sql) = is_strict.then(|| shown_own_setting(statement)).flatten() {
            return Some(Substitute { sql, tag: "SHOW" });
        }
        match self.transaction.is_read_only() {
            _ if !says(0, "show") || words.len() != 2 => None,
            _ if says(1, "all") => Some(Substitute { sql: show_all(), tag: "SHOW" }),
            _ if says(1, "server_version") => shown("server_version", SERVER_VERSION),
            _ if says(1, "server_version_num") => {
                shown("server_version_num", SERVER_VERSION_NUMBER)
            }
            // Only within a transaction: outside, the server tells its default, which is the
            // client's own.
            Some(is_read_only) if says(1, "transaction_read_only") => {
                shown("transaction_read_only", if is_read_only { "on" } else { "off" })
            }
            _ => None,
        }
    }
}
