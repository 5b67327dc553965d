//! How a gateway behaves.

/// How the gateway behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nobody waits; COMMIT judges.
    #[default]
    Optimistic,
    /// Bytes go through untouched, from the start-up packet on: the PostgreSQL behind, as it is.
    PassThrough,
}
