//! `AWS IAM GRANT role TO 'arn'` and `AWS IAM REVOKE role FROM 'arn'`: which of AWS's identities
//! comes in as which role. Nobody comes in by them here, so they are only told of (Aurora DSQL User
//! Guide, Using database roles and IAM authentication).

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use crate::core::syntax::{Word, WordKind, begins, literal};
use crate::gateway::refusal::Refusal;

/// A change of these that a statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MappingChange {
    pub(crate) gives: bool,
    pub(crate) role: String,
    pub(crate) arn: String,
}

impl MappingChange {
    /// The change for which these words ask.
    pub(crate) fn read(words: &[Word]) -> Option<Self> {
        let gives = begins(words, &["aws", "iam", "grant"]);
        let [_, _, _, role, preposition, arn] = words else { return None };
        let is_one = gives && preposition.is("to")
            || begins(words, &["aws", "iam", "revoke"]) && preposition.is("from");
        let role = role.name().filter(|_| is_one && arn.kind == WordKind::Text)?;
        Some(Self { gives, role: role.to_owned(), arn: arn.text.clone() })
    }

    /// With what the statement is called complete.
    pub(crate) fn tag(&self) -> &'static str {
        if self.gives { "AWS IAM GRANT" } else { "AWS IAM REVOKE" }
    }
}

/// An identity, with the role as which it comes in, and who has said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) arn: String,
    pub(crate) role: RoleName,
    pub(crate) grantor: RoleName,
}

/// A role by its number in the catalog and by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleName {
    pub(crate) number: String,
    pub(crate) name: String,
}

/// The identities of all clients' statements, each with a number of its own.
#[derive(Debug, Default)]
pub(crate) struct Mappings(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    given: u32,
    mappings: Vec<(u32, Mapping)>,
}

impl Mappings {
    /// Why there can be no such change now.
    pub(crate) fn refusal(&self, change: &MappingChange) -> Option<Refusal> {
        let MappingChange { gives, role, arn } = change;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = known.mappings.iter().any(|(_, known)| is_about(known, role, arn));
        match (gives, is_known) {
            (true, true) => Some(Refusal::duplicate(format!(
                "role \"{role}\" has already been granted to \"{arn}\""
            ))),
            (false, false) => Some(Refusal::undefined(format!(
                "role \"{role}\" has not been granted to \"{arn}\""
            ))),
            _ => None,
        }
    }

    /// From now on this is so, or no longer so.
    pub(crate) fn apply(&self, gives: bool, mapping: Mapping) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Mapping { arn, role, .. } = &mapping;
        known.mappings.retain(|(_, known)| !is_about(known, &role.name, arn));
        if gives {
            known.given += 1;
            let given = known.given;
            known.mappings.push((given, mapping));
        }
    }

    /// The view `sys.iam_pg_role_mappings`.
    pub(super) fn table(&self) -> String {
        let mut rows =
            "(null::oid, null::text, null::oid, null::name, null::oid, null::name)".to_owned();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, Mapping { arn, role, grantor }) in &known.mappings {
            let (arn, name, by) = (literal(arn), literal(&role.name), literal(&grantor.name));
            // Into a text: nothing fails there.
            let _ = write!(
                rows,
                ", ({number}, {arn}, {}, {name}, {}, {by})",
                role.number, grantor.number
            );
        }
        format!(
            "select * from (values {rows}) as overbooked (iam_oid, arn, pg_role_oid, pg_role_name, \
             grantor_pg_role_oid, grantor_pg_role_name) where arn is not null"
        )
    }
}

fn is_about(mapping: &Mapping, role: &str, arn: &str) -> bool {
    mapping.role.name == role && mapping.arn == arn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    fn read(sql: &str) -> Option<MappingChange> {
        MappingChange::read(&words(sql, Strings::Conforming))
    }

    #[test]
    fn a_role_is_granted_to_an_identity_and_revoked_from_it() {
        let change = |gives, role: &str, arn: &str| {
            Some(MappingChange { gives, role: role.to_owned(), arn: arn.to_owned() })
        };
        assert_eq!(read("aws iam grant A to 'arn:x'"), change(true, "a", "arn:x"));
        assert_eq!(
            read("AWS IAM /* no longer */ REVOKE \"B c\" FROM 'y'"),
            change(false, "B c", "y")
        );
        for other in ["aws iam grant a from 'x'", "aws iam grant a to x", "grant a to b"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_granted_is_told_of_until_it_is_revoked() {
        let mappings = Mappings::default();
        let role = |name: &str| RoleName { number: "7".to_owned(), name: name.to_owned() };
        let mapping = Mapping { arn: "it's".to_owned(), role: role("a"), grantor: role("admin") };
        let change = |gives| MappingChange { gives, role: "a".to_owned(), arn: "it's".to_owned() };
        let code = |gives| mappings.refusal(&change(gives)).map(|it| it.code().to_owned());
        assert_eq!((code(true), code(false).as_deref()), (None, Some("42704")));
        mappings.apply(true, mapping.clone());
        assert!(mappings.table().contains(", (1, 'it''s', 7, 'a', 7, 'admin')"));
        assert_eq!((code(true).as_deref(), code(false)), (Some("42710"), None));
        mappings.apply(false, mapping);
        assert!(!mappings.table().contains("it''s"));
    }
}
