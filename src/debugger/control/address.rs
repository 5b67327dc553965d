//! Where a debugger is steered: a socket's path, or an address of this machine.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a debugger is steered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// HTTP on this machine.
    Http(SocketAddr),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("it is empty; write a path, or an address such as 127.0.0.1:7000")]
    Empty,
    #[error(
        "{0} can be reached from other machines, and whoever reaches it could steer your program; \
         use 127.0.0.1:{port}, or a path",
        port = .0.port()
    )]
    NotLoopback(SocketAddr),
    #[error("`{0}` is neither an address, such as 127.0.0.1:7000, nor a path, such as ./{0}")]
    Neither(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Socket(path.into()));
        }
        let plain = text.strip_prefix("http://").unwrap_or(text);
        let plain = if plain == text { text } else { plain.trim_end_matches('/') };
        if let Some(address) = socket_address(plain) {
            if address.ip().is_loopback() {
                return Ok(Self::Http(address));
            }
            return Err(AddressError::NotLoopback(address));
        }
        let is_number = plain.parse::<u16>().is_ok();
        match text {
            "" => Err(AddressError::Empty),
            _ if text.contains('/') && plain == text => Ok(Self::Socket(text.into())),
            _ if is_number || text.contains(':') => Err(AddressError::Neither(text.to_owned())),
            _ => Ok(Self::Socket(text.into())),
        }
    }
}

fn socket_address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port.parse().ok()?));
    }
    text.parse().ok()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Http(address) => write!(f, "http://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<Address>().map(|it| format!("{it:?}")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_is_one_and_an_address_is_this_machines() {
        for text in ["127.0.0.1:7000", "http://127.0.0.1:7000/", "localhost:7000"] {
            assert_eq!(read(text).unwrap(), "Http(127.0.0.1:7000)", "{text}");
        }
        assert_eq!(read("[::1]:0").unwrap(), "Http([::1]:0)");
        for text in ["/run/race.sock", "./race.sock", "race.sock", "a/b:c", "unix:7000"] {
            let path = text.trim_start_matches("unix:");
            assert_eq!(read(text).unwrap(), format!("Socket({path:?})"));
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_what_to_write() {
        let wide = read("0.0.0.0:7000").unwrap_err();
        assert!(wide.contains("other machines") && wide.contains("127.0.0.1:7000"), "{wide}");
        for text in ["7000", ":7000", "example.com:7000", "http://example.com:7000/x", ""] {
            let error = read(text).unwrap_err();
            assert!(error.contains("127.0.0.1:7000"), "{text}: {error}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["/run/race.sock", "http://127.0.0.1:7000", "http://[::1]:7000"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }
}
