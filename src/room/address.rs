//! Where the room is: an address to listen at, and what a browser calls it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

use super::token::Token;

/// Where the room listens: this machine alone, unless another address is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

impl Default for Address {
    /// This machine, on a port that is free.
    fn default() -> Self {
        Self(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
    }
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no address; write 127.0.0.1:8080 for this machine alone, or 0.0.0.0:8080 for \
     everybody on the network"
)]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let plain = text.strip_prefix("http://").map_or(text, |rest| rest.trim_end_matches('/'));
        let local = plain.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        if let Some(port) = local {
            return Ok(Self(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)));
        }
        plain.parse().map(Self).map_err(|_| AddressError(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a browser on another machine calls this address: of a wildcard, the address by which this
/// machine would reach the network. Nothing is sent to find it.
pub(super) fn reachable(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let (any, far) = match bound.ip() {
        IpAddr::V4(_) => ("0.0.0.0:0", "192.0.2.1:9"),
        IpAddr::V6(_) => ("[::]:0", "[2001:db8::1]:9"),
    };
    let outward = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    let ip = outward.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip());
    SocketAddr::new(ip, bound.port())
}

/// What a browser is given, with this token in it.
pub(super) fn joining(bound: SocketAddr, token: &Token) -> String {
    format!("http://{}/join/{}", reachable(bound), token.as_str())
}

/// Whether a request that names this host means the room. A name that somebody else can point here
/// (DNS rebinding) does not.
pub(super) fn is_host_of(bound: SocketAddr, host: &str) -> bool {
    if let Some(port) = host.strip_prefix("localhost:") {
        return port.parse() == Ok(bound.port()) && !is_only_elsewhere(bound);
    }
    let address = match host.parse::<SocketAddr>() {
        Ok(address) => address,
        // A browser leaves the usual port out.
        Err(_) => match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, 80),
            Err(_) => return host == "localhost" && bound.port() == 80,
        },
    };
    let is_here = address.ip().is_loopback() && bound.ip().is_loopback();
    let is_it = is_here || bound.ip().is_unspecified() || bound.ip() == address.ip();
    is_it && address.port() == bound.port()
}

fn is_only_elsewhere(bound: SocketAddr) -> bool {
    !bound.ip().is_loopback() && !bound.ip().is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_one_and_nothing_else() {
        for text in ["127.0.0.1:8080", "localhost:8080", "http://127.0.0.1:8080/"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), "127.0.0.1:8080", "{text}");
        }
        assert_eq!("[::]:80".parse::<Address>().unwrap().to_string(), "[::]:80");
        for text in ["", "8080", ":8080", "example.com:80", "0.0.0.0", "0.0.0.0:99999"] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("0.0.0.0:8080"), "{error}");
        }
    }

    #[test]
    fn only_its_own_hosts_are_meant() {
        let here = bound("127.0.0.1:8080");
        for host in ["127.0.0.1:8080", "localhost:8080", "127.0.0.9:8080"] {
            assert!(is_host_of(here, host), "{host}");
        }
        let strange =
            ["evil.example:8080", "127.0.0.1", "127.0.0.1:80", "10.0.0.1:8080", "", "localhost"];
        for host in strange {
            assert!(!is_host_of(here, host), "{host}");
        }
        let wide = bound("0.0.0.0:8080");
        assert!(is_host_of(wide, "192.168.7.3:8080") && is_host_of(wide, "localhost:8080"));
        assert!(
            !is_host_of(wide, "evil.example:8080") && !is_host_of(wide, "127.0.0.1.nip.io:8080")
        );
        assert!(is_host_of(bound("0.0.0.0:80"), "192.168.7.3"));
    }

    #[test]
    fn a_wildcard_is_called_by_an_address_of_this_machine() {
        let called = reachable(bound("0.0.0.0:8080"));
        assert!(!called.ip().is_unspecified());
        assert_eq!(called.port(), 8080);
        assert_eq!(reachable(bound("127.0.0.1:7")), bound("127.0.0.1:7"));
    }
}
