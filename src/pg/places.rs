//! Hosts, addresses and ports: lists that go together, as places to be tried in turn.

use std::net::IpAddr;
use std::path::PathBuf;

use super::keywords::Settings;
use super::passfile::{Account, Passwords};
use super::target::{Host, Password, ServerAddress};
use super::target_error::TargetError;

const PORT: u16 = 5432;

/// Where servers put their sockets: Debian's and Red Hat's folder, and PostgreSQL's own.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Reads the places, each with its password.
pub(super) fn read(
    settings: &Settings,
    passwords: &Passwords,
    user: &str,
    database: &str,
) -> Result<Vec<ServerAddress>, TargetError> {
    let mut places = Vec::new();
    for (host, port) in hosts_and_ports(settings)? {
        let account = Account { host: &host_in_passfile(&host), port, database, user };
        let password = settings.get("password").map(Password::new);
        let password = password.or_else(|| passwords.find(account));
        places.push(ServerAddress { host, port, password });
    }
    Ok(places)
}

fn hosts_and_ports(settings: &Settings) -> Result<Vec<(Host, u16)>, TargetError> {
    let names = list(settings.get("host"));
    let addresses = list(settings.get("hostaddr"));
    let count = names.len().max(addresses.len()).max(1);
    if !names.is_empty() && !addresses.is_empty() && addresses.len() != names.len() {
        let (found, hosts) = (addresses.len(), names.len());
        return Err(TargetError::Mismatch { keyword: "hostaddr", found, hosts });
    }
    let ports = ports(settings, count)?;
    let mut pairs = Vec::new();
    for (index, port) in ports.into_iter().enumerate() {
        let name = names.get(index).copied().unwrap_or_default();
        let address = addresses.get(index).copied().unwrap_or_default();
        pairs.extend(hosts(name, address, port)?.into_iter().map(|host| (host, port)));
    }
    Ok(pairs)
}

/// One port for each host; a single one is everybody's.
fn ports(settings: &Settings, hosts: usize) -> Result<Vec<u16>, TargetError> {
    let texts = list(settings.get("port"));
    match texts.len() {
        0 => Ok(vec![PORT; hosts]),
        1 => Ok(vec![port(1, texts[0])?; hosts]),
        found if found == hosts => {
            texts.iter().enumerate().map(|(index, text)| port(index + 1, text)).collect()
        }
        found => Err(TargetError::Mismatch { keyword: "port", found, hosts }),
    }
}

fn port(which: usize, text: &str) -> Result<u16, TargetError> {
    match text.trim() {
        "" => Ok(PORT),
        text => text.parse().ok().filter(|port| *port > 0).ok_or(TargetError::WrongPort { which }),
    }
}

/// What a name and an address mean; without either, wherever a server may be on this machine.
fn hosts(name: &str, address: &str, port: u16) -> Result<Vec<Host>, TargetError> {
    if !address.is_empty() {
        let parsed = address.parse::<IpAddr>().map_err(|_| TargetError::WrongValue {
            keyword: "hostaddr",
            value: address.to_owned(),
            allowed: "an IP address; for a name, use host".to_owned(),
        })?;
        let name = if name.is_empty() { address } else { name };
        return Ok(vec![Host::Tcp { name: name.to_owned(), address: Some(parsed) }]);
    }
    Ok(match name {
        "" => local_hosts(port),
        folder if folder.starts_with(['/', '@']) => vec![Host::Socket(PathBuf::from(folder))],
        name => vec![Host::Tcp { name: name.to_owned(), address: name.parse().ok() }],
    })
}

/// The folders in which there is such a socket. libpq knows one folder from its build; the builds
/// differ, so we look.
fn local_hosts(port: u16) -> Vec<Host> {
    let socket = format!(".s.PGSQL.{port}");
    let folders = SOCKET_FOLDERS.map(PathBuf::from);
    let mut hosts: Vec<Host> = folders
        .iter()
        .filter(|folder| folder.join(&socket).exists())
        .map(|folder| Host::Socket(folder.clone()))
        .collect();
    if hosts.is_empty() {
        hosts.extend(folders.map(Host::Socket));
        hosts.push(Host::Tcp { name: "localhost".to_owned(), address: None });
    }
    hosts
}

/// A password file knows the sockets of the usual folders as `localhost`.
fn host_in_passfile(host: &Host) -> String {
    match host {
        Host::Socket(folder) if SOCKET_FOLDERS.iter().any(|usual| folder.as_os_str() == *usual) => {
            "localhost".to_owned()
        }
        Host::Socket(folder) => folder.display().to_string(),
        Host::Tcp { name, .. } => name.clone(),
    }
}

fn list(text: Option<&str>) -> Vec<&str> {
    text.map(|text| text.split(',').collect()).unwrap_or_default()
}
