//! Pure text from events.

pub mod engine_diff;
pub mod hermitage;
pub mod isolation_output;
pub mod lesson;
pub mod psql;
pub mod report;
pub mod scenario_export;
pub mod transcript;
