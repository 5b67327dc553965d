//! The debugger: somebody else's application connects to us in place of its database, and each
//! of its statements can be held and let go.
//!
//! ```text
//!  application ──▶ gateway ──hooks──▶ handle ──▶ guests ──▶ a run, like a session's events
//!                                       ▲           │
//!                    keys, sockets ─────┘           ├ what a statement is   statement, tables
//!                                                   ├ who sends it          identity
//!                                                   └ whether it is held    noise, breakpoints
//! ```
//!
//! `guests` is a fold without a clock or a socket; `handle` is what others hold of it; `gate` makes
//! statements meet inside a table; `control` lets a test steer it by a socket.
//!
//! | word | what it is |
//! |---|---|
//! | guest | a client of the debugger |
//! | actor | who a guest is: `alice` |
//! | noise | what passes by itself: `SELECT 1`, SET, reads of the catalog |
//! | shape | a statement without its literals: `select * from seats where id = ?` |
//! | breakpoint | what is held: `write seats` |
//! | gate | where statements wait inside a table, to go on at one instant |

pub mod breakpoints;
pub mod control;
pub mod gate;
pub mod guests;
mod handle;
pub mod history;
pub mod identity;
pub mod literals;
pub mod noise;
pub mod plan;
pub mod refusals;
pub mod refuser;
pub mod replay;
pub mod shape;
pub mod shrink;
mod signals;
pub mod statement;
pub mod tables;
pub mod verdict;

pub use handle::Debugger;
