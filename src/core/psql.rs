//! psql's commands, as far as a console of several sessions can have them: what they are called,
//! how their arguments are read, what is sent for them and what becomes of the answer.
//!
//! ```text
//!  commands    the table: name, argument, what it does, where it may stand
//!  arguments   quotes and variables in arguments, as psql reads them
//!  settings    what one session has set (\x) and sent last (\g): a line becomes a submission
//!  catalog     \d and its kin: the queries, which give what psql would print
//!  pattern     pub*.o? as the catalog's queries want it
//!  help        \h: the syntax of SQL commands, by PostgreSQL's documentation
//! ```
//!
//! Nothing here sends or draws: a run sends what comes of a line, and `reports::psql` draws the
//! answer.

mod arguments;
mod catalog;
mod commands;
mod help;
mod pattern;
mod settings;

pub use arguments::arguments;
pub use commands::{COMMANDS, Command, Doer, find, list, not_here};
pub use settings::{Prepared, Settings};
