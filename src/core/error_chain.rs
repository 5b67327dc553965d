//! How errors are said: one line, with their causes.

use std::error::Error;

/// An error with its causes in one line, each said once.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        // Some libraries put their cause into their own message already.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_said_once() {
        let error = Outer(std::io::Error::other("the inner"));
        assert_eq!(with_causes(&error), "the outer: the inner");
    }
}
