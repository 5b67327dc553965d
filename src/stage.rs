//! What is on the stage, free of any screen: it knows neither a terminal nor how anything looks.
//!
//! ```text
//!   the run's reports ──▶ folds ──▶ what is on the stage ◀── what a screen draws
//! ```

pub mod backslash;
pub mod contrasts;
pub mod event_log;
pub mod flash;
pub mod rush;
pub mod timeline;
pub mod words;
