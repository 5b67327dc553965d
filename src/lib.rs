//! Overbooked: real database sessions side by side over a live seat map, stepped by hand.
//!
//! # Five words that carry the program
//!
//! | word | what it is |
//! |---|---|
//! | **engine** | what sessions talk to, and what it lets an observer see |
//! | **session** | one named connection (Alice), which sends one submission at a time |
//! | **event** | a fact, in one total order; nothing on the screen has another source |
//! | **scenario** | a plain `.sql` file: setup, steps, what each must do on each engine |
//! | **run** | plays a scenario's steps on sessions: by hand, by itself, in any other order |
//!
//! The other words, each for one thing:
//!
//! | word | what it is |
//! |---|---|
//! | submission | what a session is given to send, answered whole before the next |
//! | launch | a step in its place in a schedule |
//! | schedule | the order in which steps are launched; isolationtester's permutation |
//! | participant | who answers a submission: a session of ours, later anybody's |
//! | holder, waiter | who has a lock, and who stands in line for it |
//! | blocker | whoever is in a waiter's way: a holder, or one ahead in the queue |
//! | quiet | nothing moves any more unless somebody acts: the step is over |
//! | order | whose turn it is, launch by launch; explored, not written down as a schedule is |
//! | class | the orders of which the same came: the same answers, the same end |
//! | witness | the shortest order of a class |
//! | guest | a client of the debugger, whose statements are held and let go |
//! | snapshot | what a transaction reads from |
//! | serialization failure | 40001; where the optimistic engine refuses, with OC000 or OC001 |
//! | private copy | a table as one client of the optimistic engine has it until COMMIT |
//! | ledger | who committed what, against which a COMMIT is judged |
//! | journal | who wrote which rows, from which copies are brought up to date |
//! | observer | the second pair of eyes: connections that look and never touch |
//! | lesson | the line under an error that says what it teaches |
//! | strategy | one way of selling seats in the rush |
//! | verdict | what the database says in the end about what was acknowledged |
//!
//! # Rooms, and who may import whom
//!
//! Fifteen rooms; each imports only those below it (`tests/it/layers.rs` checks it, and prints the
//! arrows).
//!
//! ```text
//!  commands   one file a subcommand: console, play, compare, matrix, rush, spec, serve
//!  tui        the screen: the only room that knows ratatui and crossterm
//!  room       others follow the stage in their browsers, and take part
//!  stage      what is on the stage, free of any screen: folds of events, keys to actions
//!  rush       one strategy against another under load
//!  explorer   every order of a scenario's steps, grouped by what came of it
//!  debugger   somebody else's application, held and let go statement by statement
//!  run        plays a schedule on sessions; specifications; the anomalies' matrix
//!  gateway    the optimistic engine: private copies, the judgement at COMMIT
//!  parts      systems beside the database: Redis and others, their clients and private servers
//!  cluster    the private PostgreSQL: find, download, template, start, stop, sweep
//!  observer   who waits for whom, who has which row, what the seats look like
//!  pg         PostgreSQL's protocol and the ways to a server; knows nothing of Overbooked
//!  reports    pure text from events: transcripts, diagrams, JSON, psql's output
//!  core       events, scenarios, seats, SQL as text: no IO, no clock
//! ```
//!
//! # One keypress, followed
//!
//! key → an action (the keys table) → `Stage::update` gives a command → a channel → the run sends
//! the step's SQL to Bob's task → `pg` writes a Query message → messages come back → Bob's task
//! emits events → a channel → the run adds what the observer sees → a channel → `Stage::apply`
//! folds them → the next frame draws. The same events, unchanged, become the transcript, the
//! diagrams, JSON and the snapshots.

pub mod cluster;
pub mod commands;
pub mod core;
pub mod debugger;
pub mod explorer;
pub mod gateway;
pub mod observer;
pub mod parts;
pub mod pg;
pub mod reports;
pub mod room;
pub mod run;
pub mod rush;
pub mod stage;
pub mod tui;
