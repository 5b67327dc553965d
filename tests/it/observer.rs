//! The observer against real sessions that lock, write, wait and die: the table of scenarios that
//! row locks are judged by.

mod objects;
mod stage;
mod upkeep;
mod waits;
mod watched_tables;
