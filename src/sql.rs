//! Our own SQL: one constant for each file in `sql/`.

/// Schemas of runs: whose they are and whether they still live.
pub mod schema {
    /// Schemas that carry our mark.
    pub const MARKED: &str = include_str!("../sql/schema/marked.sql");
    /// The lock that a living run holds on its schema's name.
    pub const TAKE_LOCK: &str = include_str!("../sql/schema/take_lock.sql");
    /// Whether the engine keeps advisory locks at all.
    pub const LOCK_IS_REAL: &str = include_str!("../sql/schema/lock_is_real.sql");
    /// The server's clock in seconds.
    pub const CLOCK: &str = include_str!("../sql/schema/clock.sql");
}
