//! Clients of the debugger: what they send and are answered is told like a session's, and nothing
//! is sent into them from here.

use super::LiveRun;
use crate::core::event::{Event, Kind, SessionName};
use crate::run::Report;
use crate::run::guests::GuestNews;
use crate::run::machine::effects::Effects;

impl LiveRun {
    /// Takes in what the debugger tells; gives what the driver is told.
    pub(crate) fn on_guest(&mut self, news: GuestNews, fx: &mut Effects) -> Vec<Event> {
        match news {
            GuestNews::Joined(name) => {
                self.cast.join_guest(&name);
                fx.report(Report::GuestJoined(name));
                Vec::new()
            }
            GuestNews::Happened(session, kind) => self.on_guests_event(session, kind, fx),
            GuestNews::Touches(table) => {
                self.watch_also(table, fx);
                Vec::new()
            }
            GuestNews::Parted(name) => {
                self.cast.part(&name);
                fx.report(Report::Parted(name));
                Vec::new()
            }
        }
    }

    fn on_guests_event(
        &mut self,
        session: SessionName,
        kind: Kind,
        fx: &mut Effects,
    ) -> Vec<Event> {
        if let (Kind::Sent { submission, .. }, Some(guest)) = (&kind, self.player_mut(&session)) {
            guest.note_sent(*submission, fx.now());
            self.cast.moved();
            self.note_sending(fx);
        }
        self.on_event(fx.event(Some(session), kind), fx)
    }
}
