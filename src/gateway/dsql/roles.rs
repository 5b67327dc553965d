//! CREATE ROLE and ALTER ROLE: `admin` is no superuser, and what a role's sessions begin with is
//! judged as what a session sets.

use super::facts::PRIVILEGED;
use super::settings;
use crate::core::syntax::{Word, begins};
use crate::gateway::refusal::Refusal;

/// Why a role cannot be had so.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    let [verb, kind, _, options @ ..] = words else { return None };
    let is_role = ["role", "user", "group"].iter().any(|known| kind.is(known));
    let (verb, does) = match verb {
        verb if verb.is("create") => ("create", "create roles with"),
        verb if verb.is("alter") => ("alter", "change"),
        _ => return None,
    };
    if !is_role {
        return None;
    }
    let privileged = |word: &Word| PRIVILEGED.into_iter().find(|known| word.is(known));
    if let Some(attribute) = options.iter().find_map(privileged) {
        return Some(refused_attribute(verb, does, attribute));
    }
    let set = (0..options.len()).find(|at| begins(&options[*at..], &["set"]))?;
    settings::refused_of_role(&options[set..])
}

/// In the words of PostgreSQL 16.
fn refused_attribute(verb: &str, does: &str, attribute: &str) -> Refusal {
    let attribute = attribute.to_uppercase();
    let detail =
        format!("Only roles with the {attribute} attribute may {does} the {attribute} attribute.");
    Refusal::denied(format!("permission denied to {verb} role")).with('D', detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    fn refused(sql: &str) -> String {
        let refusal = refusal(&words(sql, Strings::Conforming));
        refusal.map(|it| format!("{} {}", it.code(), it.message())).unwrap_or_default()
    }

    #[test]
    fn a_role_gets_nothing_that_admin_has_not() {
        for (sql, says) in [
            ("create role r superuser", "42501 permission denied to create role"),
            ("CREATE USER u WITH LOGIN REPLICATION", "42501 permission denied to create role"),
            ("alter role r bypassrls", "42501 permission denied to alter role"),
            (
                "alter role r set work_mem = '64MB'",
                "0A000 setting configuration parameter \"work_mem\" not supported",
            ),
            (
                "alter user all in database postgres set statement_timeout to 0",
                "0A000 setting configuration parameter \"statement_timeout\" not supported",
            ),
            ("create role r with login nosuperuser", ""),
            ("alter role r set search_path = a, b", ""),
            ("alter role r reset work_mem", ""),
            ("alter role superuser rename to r", ""),
        ] {
            assert_eq!(refused(sql), says, "{sql}");
        }
    }
}
