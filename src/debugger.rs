//! The debugger: somebody else's application connects to us in place of its database, and each
//! of its statements can be held and let go.
//!
//! ```text
//!  application ──▶ gateway ──hooks──▶ what a statement is     statement, tables, shape
//!                                     who sends it            identity
//!                                     whether it is held      noise, breakpoints (history)
//! ```
//!
//! | word | what it is |
//! |---|---|
//! | guest | a client of the debugger |
//! | actor | who a guest is: `alice` |
//! | noise | what passes by itself: `SELECT 1`, SET, reads of the catalog |
//! | shape | a statement without its literals: `select * from seats where id = ?` |
//! | breakpoint | what is held: `write seats` |

pub mod breakpoints;
pub mod history;
pub mod identity;
pub mod noise;
pub mod shape;
pub mod statement;
pub mod tables;
