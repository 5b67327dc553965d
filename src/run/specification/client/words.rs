//! What libpq says where the server says nothing any more.

use std::io;

/// What libpq says when the server hangs up.
pub(super) const HUNG_UP: &str = "server closed the connection unexpectedly\n\
    \tThis probably means the server terminated abnormally\n\
    \tbefore or while processing the request.\n";

/// Why nothing can be read any more (PostgreSQL sources, `pqsecure_raw_read`).
pub(super) fn in_the_words_of_libpq(error: &io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) {
        return HUNG_UP.to_owned();
    }
    could_not_receive(error)
}

/// Why what has come cannot be taken for anything the server would say.
pub(super) fn could_not_receive(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    // Rust puts the error's number behind its words, libpq does not.
    let text = text.split(" (os error ").next().unwrap_or_default();
    format!("could not receive data from server: {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_connection_is_a_closed_one() {
        let reset = io::Error::from_raw_os_error(rustix::io::Errno::CONNRESET.raw_os_error());
        assert_eq!(in_the_words_of_libpq(&reset), HUNG_UP);
        let other = io::Error::from_raw_os_error(rustix::io::Errno::TIMEDOUT.raw_os_error());
        let expected = "could not receive data from server: Connection timed out\n";
        assert_eq!(in_the_words_of_libpq(&other), expected);
    }
}
