//! From text and environment to a [`Target`]: libpq's rules for what is given, what is not, and
//! what goes together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::keywords::Settings;
use super::passfile::Passwords;
use super::places;
use super::policy::{AcceptedMethods, Choice, SessionAttrs};
use super::target::{Encoding, Target};
use super::target_error::TargetError;
use super::terms::TlsTerms;
use super::{conninfo, service, uri};

/// Keywords that ask for something which this program does not have, where leaving them unheard
/// would be less safe than was asked.
const UNSUPPORTED: [&str; 5] =
    ["requirepeer", "sslcrldir", "scram_client_key", "scram_server_key", "sslkeylogfile"];

/// Variables that set the server's parameters rather than the connection.
const PARAMETERS: [(&str, &str); 3] =
    [("PGTZ", "TimeZone"), ("PGDATESTYLE", "DateStyle"), ("PGGEQO", "geqo")];

impl Target {
    /// What libpq would make of this text (a URL, `keyword=value` pairs, or a database's name) in
    /// this environment.
    pub fn resolve(text: Option<&str>, environment: &Environment) -> Result<Self, TargetError> {
        let mut settings = read(text.unwrap_or_default())?;
        // The order is the precedence: each source sets only what those before it have left unset.
        service::apply(&mut settings, environment)?;
        settings.offer_environment(environment);
        refuse_unsupported(&settings)?;
        build(&settings, environment)
    }
}

/// What psql takes for a connection string, and what for a database's name.
fn read(text: &str) -> Result<Settings, TargetError> {
    if let Some(rest) = uri::strip_prefix(text) {
        return uri::parse(text, rest);
    }
    if text.contains('=') {
        return conninfo::parse(text);
    }
    let mut settings = Settings::default();
    if !text.is_empty() {
        settings.set("dbname", text.to_owned())?;
    }
    Ok(settings)
}

fn refuse_unsupported(settings: &Settings) -> Result<(), TargetError> {
    let asked = UNSUPPORTED.into_iter().find(|keyword| settings.get(keyword).is_some());
    match asked {
        Some(keyword) => Err(TargetError::Unsupported { keyword }),
        // `disable` and `prefer`, the default, ask nothing that a program without GSSAPI cannot do.
        None if settings.get("gssencmode") == Some("require") => {
            Err(TargetError::Unsupported { keyword: "gssencmode=require" })
        }
        None if !matches!(
            settings.get("replication"),
            None | Some("false" | "off" | "no" | "0")
        ) =>
        {
            Err(TargetError::Unsupported { keyword: "replication" })
        }
        None => Ok(()),
    }
}

fn build(settings: &Settings, environment: &Environment) -> Result<Target, TargetError> {
    let user = settings.get("user").or_else(|| environment.user()).ok_or(TargetError::NoUser)?;
    let database = settings.get("dbname").unwrap_or(user);
    let mut warnings = Vec::new();
    let passwords = match settings.get("password") {
        // A file that is not needed is not read, so that there is no warning about its permissions.
        Some(_) => Passwords::default(),
        None => passfile(settings, environment)
            .map(|file| Passwords::read(&file, &mut warnings))
            .unwrap_or_default(),
    };
    Ok(Target {
        places: places::read(settings, &passwords, user, database)?,
        user: user.to_owned(),
        database: database.to_owned(),
        parameters: parameters(settings, environment),
        connect_timeout: connect_timeout(settings)?,
        channel_binding: choice(settings, "channel_binding")?,
        require_auth: require_auth(settings)?,
        session_attrs: session_attrs(settings)?,
        host_order: choice(settings, "load_balance_hosts")?,
        tls: TlsTerms::read(settings, environment)?,
        warnings,
        encoding: Encoding::default(),
    })
}

fn passfile(settings: &Settings, environment: &Environment) -> Option<PathBuf> {
    let named = settings.get("passfile").map(PathBuf::from);
    named.or_else(|| environment.at_home(".pgpass"))
}

fn parameters(settings: &Settings, environment: &Environment) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let name = settings.get("application_name").or(settings.get("fallback_application_name"));
    let given = [("application_name", name), ("options", settings.get("options"))];
    // `PGTZ=default` leaves the setting to the server; an application may be called so (libpq:
    // `build_startup_packet`, fe-protocol3.c).
    let is_set = |value: &&str| !value.eq_ignore_ascii_case("default");
    let variables = PARAMETERS
        .map(|(variable, parameter)| (parameter, environment.get(variable).filter(is_set)));
    for (parameter, value) in given.into_iter().chain(variables) {
        if let Some(value) = value {
            parameters.insert(parameter.to_owned(), value.to_owned());
        }
    }
    parameters
}

/// In seconds; nothing, zero and less mean for ever, and one second is too short (libpq's rule).
fn connect_timeout(settings: &Settings) -> Result<Option<Duration>, TargetError> {
    let Some(text) = settings.get("connect_timeout") else { return Ok(None) };
    let seconds: i32 = text.trim().parse().map_err(|_| {
        wrong_value("connect_timeout", text, "a whole number of seconds".to_owned())
    })?;
    Ok(u64::try_from(seconds).ok().filter(|s| *s > 0).map(|s| Duration::from_secs(s.max(2))))
}

fn require_auth(settings: &Settings) -> Result<AcceptedMethods, TargetError> {
    let text = settings.get("require_auth").unwrap_or_default();
    let allowed = "a list of password, md5, gss, sspi, scram-sha-256, oauth and none, all or none \
        with a ! before it";
    AcceptedMethods::parse(text)
        .ok_or_else(|| wrong_value("require_auth", text, allowed.to_owned()))
}

fn session_attrs(settings: &Settings) -> Result<SessionAttrs, TargetError> {
    choice(settings, "target_session_attrs")
}

/// A keyword's value out of a fixed set, its default when it is unset.
pub(super) fn choice<C: Choice + Default>(
    settings: &Settings,
    keyword: &'static str,
) -> Result<C, TargetError> {
    let Some(text) = settings.get(keyword) else { return Ok(C::default()) };
    let names: Vec<&str> = C::CHOICES.iter().map(|(name, _)| *name).collect();
    C::named(text).ok_or_else(|| wrong_value(keyword, text, names.join(", ")))
}

pub(super) fn wrong_value(keyword: &'static str, value: &str, allowed: String) -> TargetError {
    TargetError::WrongValue { keyword, value: value.to_owned(), allowed }
}
