//! Plays a scenario's steps in every order that its sessions allow, on a real server: which ends
//! are possible, which of them no order of whole transactions gives, and what is the shortest way
//! there.
//!
//! ```text
//!  Scenario ─▶ search ── Guide ──▶ Player ── Played ──▶ classes ──▶ verdict ──▶ report
//!                ▲   whose turn    sessions │  answers   one for     serial
//!                │                          │  and end   each end    orders
//!                └──── effects: what each step reads, locks, publishes ────┘
//! ```
//!
//! The search is pure: it is told what was played and says what to play next. Two steps that
//! cannot meet need not be played in both orders; what each touches is measured on the server
//! ([`effects`]), not read out of its text, except where only that says more ([`row_order`]). Who
//! plays an order, sessions of our own or programs
//! under the debugger, is nothing to the search ([`played::Player`]).

pub mod anomaly;
pub mod classes;
pub mod effects;
pub mod expected;
pub mod exploration;
pub mod explore;
#[cfg(test)]
mod fake;
pub mod naming;
pub mod outcome;
pub mod outside;
pub mod played;
pub mod player;
pub mod program;
pub mod report;
pub mod row_order;
pub mod search;
mod searched;
pub mod serial;
pub mod transaction;
pub mod witness;
