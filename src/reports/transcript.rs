//! A run as text: what each session sent and what came back, as psql shows it, with waits between.
//!
//! ```text
//! Mallory=# update seats set booked_by = 'Mallory' where ...;
//! Mallory waits for Bob: row A-4 of seats.
//!
//! Bob=*# commit;
//! COMMIT
//! Mallory goes on.
//! UPDATE 0
//! ```
//!
//! Events come in the order in which they happened, which differs from run to run where sessions
//! are released together. [`canonical`] puts those between two quiet moments in one order, so that
//! the same story reads the same every time.

use crate::core::event::{Event, SessionName};

mod canonical;
mod processes;
mod wait;
mod writer;

pub use canonical::canonical;
pub(crate) use processes::{Processes, without_backends};
pub use wait::waits;
pub(crate) use wait::without_processes;

use writer::Writer;

/// What a transcript tells beyond the story. The default is what reads the same every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long each submission took and each wait lasted.
    pub times: bool,
    /// Which server process each session has.
    pub processes: bool,
    /// A line in plain words under the errors that teach.
    pub lessons: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { times: false, processes: false, lessons: true }
    }
}

/// The events as text, in canonical order; the roster is the sessions in screen order.
pub fn transcript(events: &[Event], roster: &[SessionName], options: Options) -> String {
    let mut writer = Writer::new(options);
    for event in canonical(events, roster) {
        writer.apply(&event);
    }
    writer.finish()
}

#[cfg(test)]
mod tests;
