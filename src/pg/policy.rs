//! What a connection demands of the server: the keywords of libpq that have a fixed set of values.

use serde::{Deserialize, Serialize};

/// A keyword's values, each under libpq's name for it.
pub(super) trait Choice: Copy + PartialEq + Sized + 'static {
    /// Every value with its name.
    const CHOICES: &'static [(&'static str, Self)];

    /// The value of that name.
    fn named(name: &str) -> Option<Self> {
        Self::CHOICES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The value's name.
    fn name(self) -> &'static str {
        Self::CHOICES.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

/// `sslmode`: whether TLS is used, and what the server's certificate must prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum SslMode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Choice for SslMode {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
}

/// `sslnegotiation`: whether TLS is asked for first, or simply begun (PostgreSQL 17 and later).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SslNegotiation {
    #[default]
    Postgres,
    Direct,
}

impl Choice for SslNegotiation {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("postgres", Self::Postgres), ("direct", Self::Direct)];
}

/// `sslcertmode`: whether our certificate is shown to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SslCertMode {
    Disable,
    #[default]
    Allow,
    Require,
}

impl Choice for SslCertMode {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("disable", Self::Disable), ("allow", Self::Allow), ("require", Self::Require)];
}

/// `channel_binding`: whether SCRAM is bound to the TLS channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BindingDemand {
    Disable,
    #[default]
    Prefer,
    Require,
}

impl Choice for BindingDemand {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("disable", Self::Disable), ("prefer", Self::Prefer), ("require", Self::Require)];
}

/// `target_session_attrs`: which kind of server will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    #[default]
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl Choice for SessionAttrs {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];
}

/// `load_balance_hosts`: in which order hosts and their addresses are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HostOrder {
    #[default]
    AsGiven,
    Random,
}

impl Choice for HostOrder {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("disable", Self::AsGiven), ("random", Self::Random)];
}

/// How a server can ask who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    None,
    Password,
    Md5,
    Scram,
    Gss,
    Sspi,
    Oauth,
}

impl Choice for AuthMethod {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("password", Self::Password),
        ("md5", Self::Md5),
        ("scram-sha-256", Self::Scram),
        ("gss", Self::Gss),
        ("sspi", Self::Sspi),
        ("oauth", Self::Oauth),
    ];
}

/// `require_auth`: the methods that we accept to be asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AcceptedMethods(Vec<AuthMethod>);

impl AcceptedMethods {
    pub(super) fn all() -> Self {
        Self(AuthMethod::CHOICES.iter().map(|(_, method)| *method).collect())
    }

    /// Reads `md5,scram-sha-256` or `!password,!none`; a mixture of both is an error, as in libpq.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::all());
        }
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let denied: Option<Vec<AuthMethod>> =
            words.iter().map(|word| AuthMethod::named(word.strip_prefix('!')?)).collect();
        if let Some(denied) = denied {
            let Self(mut rest) = Self::all();
            rest.retain(|method| !denied.contains(method));
            return Some(Self(rest));
        }
        // A mixture ends here as well, and fails: `!none` is no method's name.
        words.iter().map(|word| AuthMethod::named(word)).collect::<Option<_>>().map(Self)
    }

    /// Whether this one will do.
    pub(super) fn contains(&self, method: AuthMethod) -> bool {
        self.0.contains(&method)
    }
}
