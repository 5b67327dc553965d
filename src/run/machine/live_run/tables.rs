//! What the watched tables look like: what is committed, as the observer sees it, and what each
//! session has changed in private, as the gateway tells it.

use std::time::Duration;

use super::LiveRun;
use super::settle::BUSY_LOOK;
use crate::core::event::{Event, Kind};
use crate::core::seats::WatchedTables;
use crate::gateway::{Happening, News};
use crate::run::machine::alias;
use crate::run::machine::effects::Effects;
use crate::run::machine::reported::Asked;

/// How often the tables are looked at for the sake of people who take no part.
pub(super) const IDLE_LOOK: Duration = Duration::from_millis(250);

impl LiveRun {
    /// Takes in what the tables look like; gives what the driver is told.
    pub(super) fn on_tables(
        &mut self,
        answer: Result<WatchedTables, String>,
        fx: &mut Effects,
    ) -> Option<Event> {
        // Planned whatever the answer is: a look that has failed is followed by another, too.
        let pause = if self.reported.is_quiet() { IDLE_LOOK } else { BUSY_LOOK };
        self.scheduler.look_within(pause, fx);
        let mut tables = match answer {
            Ok(tables) => tables,
            Err(trouble) => return self.note_if_news(Asked::Tables, trouble, fx),
        };
        if !self.scheduler.has_looked_for(&self.cast) {
            self.scheduler.look_within(Duration::ZERO, fx);
            return None;
        }
        // The look may have begun before a connection was lost.
        let lost = self.cast.players().filter(|actor| actor.state.pid.is_none());
        lost.for_each(|actor| tables.forget(actor.name()));
        self.reported.commit(tables, fx)
    }

    /// What is told of a trouble that was not told last time.
    pub(super) fn note_if_news(
        &mut self,
        asked: Asked,
        trouble: String,
        fx: &Effects,
    ) -> Option<Event> {
        if !self.reported.is_news(asked, &trouble) {
            return None;
        }
        let mut note = Kind::Note(trouble);
        alias::tell(&mut note, self.schema.as_deref());
        Some(fx.event(None, note))
    }

    /// Takes in what the gateway tells; gives what the driver is told.
    pub(crate) fn on_news(&mut self, news: News, fx: &Effects) -> Option<Event> {
        let actor = self.cast.players_mut().find(|actor| actor.state.pid == Some(news.pid))?;
        let name = actor.name().clone();
        match news.what {
            Happening::Conflict(mut conflict) => {
                conflict.winner = conflict.winner.map(|winner| session_called(&winner));
                actor.state.conflict = Some(conflict);
                None
            }
            Happening::Private(changes) => self.reported.change(name, changes, fx),
            Happening::Gone => self.reported.let_go(&name, fx),
        }
    }
}

/// A client's `application_name` as people here call it: our own sessions by their names.
fn session_called(application: &str) -> String {
    application.strip_prefix("overbooked/").unwrap_or(application).to_owned()
}
