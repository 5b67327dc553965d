//! Where and how to connect, fully decided: nothing is read from the environment any more.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::{AcceptedMethods, BindingDemand, HostOrder, SessionAttrs};
use super::terms::TlsTerms;

/// A server to talk to, and as whom. `Debug` hides passwords, and [`Target::describe`] never has
/// one.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) places: Vec<ServerAddress>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) channel_binding: BindingDemand,
    pub(super) require_auth: AcceptedMethods,
    pub(super) session_attrs: SessionAttrs,
    pub(super) host_order: HostOrder,
    pub(super) tls: TlsTerms,
    pub(super) warnings: Vec<String>,
    pub(super) encoding: Encoding,
}

/// In what encoding the server is to speak, where no parameter says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, for everything on a screen.
    #[default]
    Utf8,
    /// The database's own.
    Database,
}

/// One of the places where the server may be; they are tried in turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAddress {
    /// The machine or the socket's folder.
    pub host: Host,
    /// The port, part of the socket's name as well.
    pub port: u16,
    /// The password for this place. It is written nowhere.
    #[serde(skip)]
    pub password: Option<Password>,
}

/// A machine or a folder of sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Host {
    /// The folder of a Unix socket.
    Socket(PathBuf),
    /// A name, an address, or both: then the address is used and the name checked against the
    /// certificate.
    Tcp {
        /// The name, or an address as text.
        name: String,
        /// The address, when no name is to be looked up.
        address: Option<IpAddr>,
    },
}

/// A password. It shows itself to nobody but the authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password as it was read.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself, for the wire alone.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl ServerAddress {
    /// The socket's path, when it is one.
    pub fn socket(&self) -> Option<PathBuf> {
        match &self.host {
            Host::Socket(folder) => Some(folder.join(format!(".s.PGSQL.{}", self.port))),
            Host::Tcp { .. } => None,
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Socket(folder) => {
                write!(f, "socket {}", folder.join(format!(".s.PGSQL.{}", self.port)).display())
            }
            Host::Tcp { name, address: None } => write!(f, "{name}, port {}", self.port),
            Host::Tcp { name, address: Some(address) } if *name == address.to_string() => {
                write!(f, "{name}, port {}", self.port)
            }
            Host::Tcp { name, address: Some(address) } => {
                write!(f, "{name} ({address}), port {}", self.port)
            }
        }
    }
}

impl Target {
    /// A server behind a Unix socket that trusts its users: the embedded one.
    pub fn unix(socket_folder: &Path, port: u16, user: &str, database: &str) -> Self {
        let host = Host::Socket(socket_folder.to_owned());
        Self {
            places: vec![ServerAddress { host, port, password: None }],
            user: user.to_owned(),
            database: database.to_owned(),
            parameters: BTreeMap::new(),
            connect_timeout: None,
            channel_binding: BindingDemand::default(),
            require_auth: AcceptedMethods::all(),
            session_attrs: SessionAttrs::default(),
            host_order: HostOrder::default(),
            tls: TlsTerms::default(),
            warnings: Vec::new(),
            encoding: Encoding::default(),
        }
    }

    /// The same, in the database's own encoding, unless another one was asked for: for whoever
    /// passes bytes on.
    #[must_use]
    pub fn in_the_encoding_of_the_database(self) -> Self {
        Self { encoding: Encoding::Database, ..self }
    }

    /// The same, under another `application_name`.
    #[must_use]
    pub fn with_application_name(&self, name: &str) -> Self {
        self.with_parameter("application_name", name)
    }

    /// The same, with a server setting for the sessions that connect: `TimeZone`.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let mut target = self.clone();
        target.parameters.insert(name.to_owned(), value.to_owned());
        target
    }

    /// The same server, as another user.
    #[must_use]
    pub fn with_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self.clone() }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The places in the order of trying.
    pub fn places(&self) -> &[ServerAddress] {
        &self.places
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    /// Into which database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The settings with which sessions begin.
    pub(crate) fn parameters(&self) -> &BTreeMap<String, String> {
        &self.parameters
    }

    /// What was passed over while reading: a password file that others may read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// For people: `bookings on db.example.com, port 5432, as alice`. Never a password.
    pub fn describe(&self) -> String {
        let places: Vec<String> = self.places.iter().map(ToString::to_string).collect();
        format!("{} on {}, as {}", self.database, places.join("; or "), self.user)
    }
}
