//! What a session sets, by SET, by `set_config` or as it begins: the service has a list.

use super::facts::{LOCAL_SETTINGS, OWN_PREFIX, OWN_SETTING, SETTINGS, SETTINGS_OF_SUPERUSERS};
use crate::core::syntax::{Word, WordKind, begins, parenthesized};
use crate::gateway::refusal::Refusal;
use crate::gateway::start_up_options::settings;
use crate::gateway::statement::{Kind, Statement};

/// Why a SET or a SHOW is refused.
pub(super) fn refusal(statement: &Statement) -> Option<Refusal> {
    let words = &statement.words[..];
    if let [show, name] = words
        && show.is("show")
    {
        return refused_look(name.name()?);
    }
    // The service has SET CONSTRAINTS ("SET CONSTRAINTS", Aurora DSQL User Guide), which sets no
    // parameter.
    let is_of_transactions = begins(words, &["set", "transaction"])
        || begins(words, &["set", "constraints"])
        || begins(words, &["set", "session", "characteristics"]);
    if statement.kind != Kind::Session || !begins(words, &["set"]) || is_of_transactions {
        return None;
    }
    let is_local = begins(words, &["set", "local"]);
    let set = set_parameter(words)?;
    (!is_default_user(words)).then(|| refused(&set, is_local)).flatten()
}

/// Why a role's sessions cannot begin with what these words, from their SET on, say.
pub(super) fn refused_of_role(words: &[Word]) -> Option<Refusal> {
    refused(&set_parameter(words)?, false)
}

/// What `admin`, who is no superuser, may not see, in the words of PostgreSQL 16.
fn refused_look(name: &str) -> Option<Refusal> {
    const DETAIL: &str = "Only roles with privileges of the \"pg_read_all_settings\" role may \
        examine this parameter.";
    let refusal = || Refusal::denied(format!("permission denied to examine \"{name}\""));
    SETTINGS_OF_SUPERUSERS.contains(&name).then(|| refusal().with('D', DETAIL))
}

/// Why a call of `set_config` or of `current_setting`, behind whose name these words stand, is
/// refused: where it says itself what it is about.
pub(super) fn refused_call(function: &str, behind: &[Word]) -> Option<Refusal> {
    let (arguments, _) = parenthesized(behind)?;
    if function == "current_setting" {
        let name = arguments.first()?.first().filter(|name| name.kind == WordKind::Text)?;
        return refused_look(&name.text.to_lowercase());
    }
    let [[name], .., last] = arguments[..] else { return None };
    let is_local = last.first().is_some_and(|word| word.is("true"));
    (name.kind == WordKind::Text).then(|| refused(&name.text.to_lowercase(), is_local)).flatten()
}

/// A parameter of a start-up packet that cannot be set.
pub(in crate::gateway) fn refused_parameter(name: &str, value: &str) -> Option<Refusal> {
    const OF_A_CONNECTION: [&str; 3] = ["user", "database", "replication"];
    let name = name.to_lowercase();
    if OF_A_CONNECTION.contains(&&*name) || name.starts_with("_pq_.") {
        return None;
    }
    if name == "options" {
        return settings(value).iter().find_map(|(name, _)| refused(name, false));
    }
    refused(&name, false)
}

/// `options` of a start-up packet as PostgreSQL takes them: a setting of the service's own has a
/// prefix.
pub(in crate::gateway) fn with_own_prefix(options: &str) -> String {
    let dashed = OWN_SETTING.replace('_', "-");
    [OWN_SETTING, &dashed].iter().fold(options.to_owned(), |options, name| {
        options.replace(name, &format!("{OWN_PREFIX}{name}"))
    })
}

/// What is sent for a SHOW of that setting.
pub(in crate::gateway) fn shown_own_setting(statement: &Statement) -> Option<String> {
    let [show, name] = &statement.words[..] else { return None };
    let is_shown = show.is("show") && name.name() == Some(OWN_SETTING);
    is_shown.then(asks_own_setting)
}

/// What asks the server for it.
pub(in crate::gateway) fn asks_own_setting() -> String {
    let setting = format!("pg_catalog.current_setting('{OWN_PREFIX}{OWN_SETTING}', true)");
    format!("select coalesce(nullif({setting}, ''), 'on') as {OWN_SETTING}")
}

fn refused(name: &str, is_local: bool) -> Option<Refusal> {
    let lower = name.to_lowercase();
    let own = lower.strip_prefix(OWN_PREFIX).filter(|name| *name == OWN_SETTING);
    let known = own.unwrap_or(&lower);
    let is_known = SETTINGS.contains(&known) || is_local && LOCAL_SETTINGS.contains(&known);
    (!is_known).then(|| Refusal::setting(name))
}

/// The parameter that a SET sets, by its own name: some have a spelling of their own (`set_rest` in
/// gram.y).
fn set_parameter(words: &[Word]) -> Option<String> {
    let scope = begins(words, &["set", "local"])
        || begins(words, &["set", "session"])
            && !begins(words, &["set", "session", "authorization"]);
    let words = words.get(if scope { 2 } else { 1 }..)?;
    let spelled = [
        (&["transaction"][..], "TRANSACTION"),
        (&["time", "zone"], "timezone"),
        (&["schema"], "search_path"),
        (&["names"], "client_encoding"),
        (&["session", "authorization"], "session_authorization"),
        (&["xml", "option"], "xmloption"),
    ];
    let is_assigned = words.get(1).is_some_and(|word| word.is("to") || word.is_mark('='));
    let spelled = spelled.iter().find(|(spelling, _)| !is_assigned && begins(words, spelling));
    match spelled {
        Some((_, name)) => Some((*name).to_owned()),
        None => dotted(words),
    }
}

/// The name that begins here, with what its dots join: `request.jwt.claims`.
fn dotted(words: &[Word]) -> Option<String> {
    let mut name = words.first()?.name()?.to_owned();
    let mut rest = &words[1..];
    while let [dot, part, behind @ ..] = rest
        && dot.is_mark('.')
    {
        name.push('.');
        name.push_str(part.name()?);
        rest = behind;
    }
    Some(name)
}

/// `SET SESSION AUTHORIZATION DEFAULT` takes nothing but what the session began with (dsql-lint's
/// grammar of what a cluster has taken).
fn is_default_user(words: &[Word]) -> bool {
    let is_default = words.last().is_some_and(|word| word.is("default"));
    is_default && words.iter().any(|word| word.is("authorization"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn set(sql: &str) -> String {
        let refusal = refusal(&Statement::read(sql, Strings::Conforming));
        refusal.map(|it| it.message().to_owned()).unwrap_or_default()
    }

    fn not_supported(name: &str) -> String {
        format!("setting configuration parameter \"{name}\" not supported")
    }

    #[test]
    fn a_session_sets_what_is_on_the_list_and_nothing_else() {
        for name in SETTINGS {
            assert_eq!(set(&format!("SET {} = 1", name.to_uppercase())), "", "{name}");
            assert_eq!(set(&format!("set session {name} to default")), "", "{name}");
        }
        for fine in [
            "set time zone 'UTC'",
            "set local schema 'a'",
            "set names 'UTF8'",
            "set local role a",
            "set session authorization default",
            "set constraints all deferred",
            "set transaction read only",
            "reset work_mem",
            "show work_mem",
        ] {
            assert_eq!(set(fine), "", "{fine}");
        }
        for (sql, name) in [
            ("set work_mem = '4MB'", "work_mem"),
            ("set local \"work_mem\" to default", "work_mem"),
            ("set /* why */ session work_mem = 1", "work_mem"),
            ("set statement_timeout = 0", "statement_timeout"),
            (
                "set default_transaction_isolation = 'repeatable read'",
                "default_transaction_isolation",
            ),
            ("set time = 1", "time"),
            ("set role a", "role"),
            ("set session role a", "role"),
            ("set session authorization a", "session_authorization"),
            ("set local request.jwt.\"Claims\" = ''", "request.jwt.Claims"),
            ("set xml option document", "xmloption"),
        ] {
            assert_eq!(set(sql), not_supported(name), "{sql}");
        }
    }

    #[test]
    fn the_services_own_setting_is_set_as_a_session_begins_and_shown() {
        assert_eq!(
            with_own_prefix("-c disable_sync_create_index=off --disable-sync-create-index=on"),
            "-c dsql.disable_sync_create_index=off --dsql.disable-sync-create-index=on"
        );
        let shown = |sql: &str| shown_own_setting(&Statement::read(sql, Strings::Conforming));
        assert!(shown("SHOW Disable_Sync_Create_Index").is_some());
        assert_eq!(shown("show work_mem"), None);
    }

    #[test]
    fn what_is_called_or_given_as_a_session_begins_is_judged_as_what_is_set() {
        let began = |name, value| {
            let refusal = refused_parameter(name, value);
            refusal.map(|it| it.message().to_owned()).unwrap_or_default()
        };
        for (name, value) in [
            ("user", "a"),
            ("DateStyle", "ISO"),
            ("_pq_.x", ""),
            ("options", ""),
            ("options", "-c search_path=a,b\\ -cwork_mem=1 --enable-seqscan=off -e"),
        ] {
            assert_eq!(began(name, value), "", "{name} {value}");
        }
        for (name, value, refused) in [
            ("statement_timeout", "0", "statement_timeout"),
            ("options", "-c statement_timeout=1", "statement_timeout"),
            ("options", "-c search_path=a -cwork_mem=1", "work_mem"),
            ("options", "--work-mem=1", "work_mem"),
            ("options", "-c role=a", "role"),
        ] {
            assert_eq!(began(name, value), not_supported(refused), "{name} {value}");
        }
    }
}
