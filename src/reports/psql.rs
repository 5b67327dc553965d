//! What psql would print: results in its aligned format, messages, prompts.
//!
//! ```text
//!  seat_row | seat_number | booked_by
//! ----------+-------------+-----------
//!  A        |           4 | Bob
//! (1 row)
//! ```
//!
//! Everything here gives lines that are safe to show: control characters are made visible.
//! `tests/it/psql_compare.rs` holds these lines against psql's own, byte for byte.

mod answer;
mod expanded;
mod message;
mod prompt;
mod sheet;
mod table;
mod visible;

pub use answer::{Drawn, Part, again, answer, said};
pub use message::{Verbosity, libpq_message, message, notification};
pub use prompt::{IS_SUPERUSER, Standing};
pub use table::{footer, result};
pub use visible::{Line, one_line, visible};
