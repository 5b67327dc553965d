//! libpq's connection keywords, and the settings that are gathered under them.
//!
//! Four sources give settings, the first that has one wins: the text, the service, the environment,
//! the defaults (PostgreSQL documentation, 34.1.2).

use std::collections::BTreeMap;

use super::environment::Environment;
use super::target_error::TargetError;

/// Every keyword that libpq knows up to PostgreSQL 18, with its environment variable.
const KEYWORDS: &[(&str, Option<&str>)] = &[
    ("application_name", Some("PGAPPNAME")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("client_encoding", Some("PGCLIENTENCODING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("fallback_application_name", None),
    ("gssdelegation", Some("PGGSSDELEGATION")),
    ("gssencmode", Some("PGGSSENCMODE")),
    ("gsslib", Some("PGGSSLIB")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("keepalives", None),
    ("keepalives_count", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("krbsrvname", Some("PGKRBSRVNAME")),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    ("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    ("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    ("oauth_client_id", None),
    ("oauth_client_secret", None),
    ("oauth_issuer", None),
    ("oauth_scope", None),
    ("options", Some("PGOPTIONS")),
    ("passfile", Some("PGPASSFILE")),
    ("password", Some("PGPASSWORD")),
    ("port", Some("PGPORT")),
    ("replication", None),
    ("require_auth", Some("PGREQUIREAUTH")),
    ("requirepeer", Some("PGREQUIREPEER")),
    ("scram_client_key", None),
    ("scram_server_key", None),
    ("service", Some("PGSERVICE")),
    ("servicefile", Some("PGSERVICEFILE")),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslcertmode", Some("PGSSLCERTMODE")),
    ("sslcompression", Some("PGSSLCOMPRESSION")),
    ("sslcrl", Some("PGSSLCRL")),
    ("sslcrldir", Some("PGSSLCRLDIR")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslkeylogfile", None),
    ("sslmode", Some("PGSSLMODE")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("sslpassword", None),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslsni", Some("PGSSLSNI")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("tcp_user_timeout", None),
    ("user", Some("PGUSER")),
];

/// A name that is less like a keyword than this is no slip of the finger.
const LIKENESS: f64 = 0.8;

/// Settings by keyword. It has no `Debug`: a password is among them.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// Sets a keyword anew, as a later mention in the same text does.
    pub(super) fn set(&mut self, keyword: &str, value: String) -> Result<(), TargetError> {
        self.0.insert(known(keyword)?, value);
        Ok(())
    }

    /// Sets a keyword that no better source has set.
    pub(super) fn offer(&mut self, keyword: &str, value: String) -> Result<(), TargetError> {
        self.0.entry(known(keyword)?).or_insert(value);
        Ok(())
    }

    /// Sets what is still unset from the environment's variables.
    pub(super) fn offer_environment(&mut self, environment: &Environment) {
        for (keyword, variable) in KEYWORDS {
            if let Some(value) = variable.and_then(|variable| environment.get(variable)) {
                self.0.entry(keyword).or_insert_with(|| value.to_owned());
            }
        }
    }

    /// A keyword's value. Empty means unset, for every keyword.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every keyword that is set.
    #[cfg(test)]
    pub(super) fn pairs(&self) -> Vec<(&'static str, &str)> {
        self.0.iter().map(|(keyword, value)| (*keyword, value.as_str())).collect()
    }
}

/// The keyword of that name.
fn known(name: &str) -> Result<&'static str, TargetError> {
    let keyword = KEYWORDS.iter().find(|(keyword, _)| *keyword == name);
    keyword.map(|(keyword, _)| *keyword).ok_or_else(|| TargetError::UnknownKeyword {
        keyword: name.to_owned(),
        meant: most_like(name),
    })
}

fn most_like(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let aliases = [("database", "dbname"), ("username", "user"), ("timeout", "connect_timeout")];
    if let Some((_, keyword)) = aliases.iter().find(|(alias, _)| *alias == name) {
        return Some(keyword);
    }
    let scored =
        KEYWORDS.iter().map(|(keyword, _)| (strsim::jaro_winkler(&name, keyword), *keyword));
    let (score, keyword) = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (score >= LIKENESS).then_some(keyword)
}
