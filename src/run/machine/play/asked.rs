//! What the driver asks for while something is being played on.

use super::{Awaited, Play};
use crate::core::event::{Event, SessionName};
use crate::run::machine::effects::Effects;
use crate::run::machine::live_run::LiveRun;
use crate::run::machine::names::{MOST_PEOPLE, MOST_SESSIONS, next_free};
use crate::run::machine::output::EngineRequest;
use crate::run::{Command, Report};

impl Play {
    /// Does what was asked for, or says why not. What asks for another setup is not asked here.
    pub(crate) fn obey(&mut self, command: Command, live: &mut LiveRun, fx: &mut Effects) {
        match command {
            Command::Step => self.step_when_ready(None, live, fx),
            Command::StepEdited(sql) => self.step_when_ready(Some(sql), live, fx),
            Command::Submit { .. } if self.position.replay.is_some() => {
                fx.refuse_command(&command, "replaying the steps so far; one moment");
            }
            Command::Submit { .. } if !self.position.session_setup.is_over() => {
                fx.refuse_command(&command, "setting up the sessions; one moment");
            }
            Command::Submit { ref session, ref sql } => {
                if let Err(refusal) = live.submit(session, sql, fx) {
                    fx.refuse_command(&command, refusal);
                }
            }
            Command::Watch(table) => live.watch_also(table, fx),
            Command::Cancel(session) => live.cancel(&session, fx),
            Command::Reconnect(session) => {
                // The server first: where it has died, an attempt to connect would only fail.
                fx.engine(EngineRequest::Revive);
                self.awaited = Some(Awaited::Revival(session));
            }
            Command::Close(session) => live.dismiss(&session, fx),
            Command::AddSession(name) => add(name, live, fx),
            Command::AddPerson(ref name) => {
                if let Err(why) = add_person(name, live, fx) {
                    fx.refuse_command(&command, why);
                }
            }
            Command::GivePane(ref name) => {
                if let Err(why) = live.give_pane(name, fx) {
                    fx.refuse_command(&command, why);
                }
            }
            Command::TakePane(name) => live.take_pane(&name, fx),
            Command::ReadCatalog
            | Command::GoTo(_)
            | Command::Open(_)
            | Command::OpenOn(..)
            | Command::Switch(_)
            | Command::Again(_) => {}
        }
    }

    /// Keeps a step for what is being set up next.
    pub(crate) fn ask_later(&mut self, edited: Option<String>) {
        self.position.asked.push_back(edited);
    }

    /// Sends the next step; one that is asked for while sessions connect or steps are replayed
    /// comes after that.
    fn step_when_ready(&mut self, edited: Option<String>, live: &mut LiveRun, fx: &mut Effects) {
        let is_ready = live.is_cast_complete() && self.position.session_setup.is_over();
        if is_ready && self.position.replay.is_none() {
            self.step(edited, live, fx);
        } else {
            self.ask_later(edited);
        }
    }

    /// Connects a session anew, now that a server of ours that had died lives again.
    pub(super) fn on_revived(
        &mut self,
        revived: Result<bool, String>,
        live: &mut LiveRun,
        fx: &mut Effects,
    ) -> Vec<Event> {
        let Some(Awaited::Revival(session)) =
            self.awaited.take_if(|awaited| matches!(awaited, Awaited::Revival(_)))
        else {
            return Vec::new();
        };
        match revived {
            Ok(had_died) => {
                if had_died {
                    fx.note("the server had died and was restarted");
                }
                live.reconnect(&session, fx);
            }
            Err(reason) => fx.refuse(reason),
        }
        Vec::new()
    }
}

fn add(name: Option<SessionName>, live: &mut LiveRun, fx: &mut Effects) {
    let names = live.names();
    if names.len() - live.people() >= MOST_SESSIONS {
        return fx.refuse(format!("there is room for {MOST_SESSIONS} sessions at most"));
    }
    let name = name.unwrap_or_else(|| next_free(&names));
    if names.contains(&name) {
        return fx.refuse(format!("there is already a session called {name}"));
    }
    live.add(&name, fx);
    fx.report(Report::Joined(name));
}

fn add_person(name: &SessionName, live: &mut LiveRun, fx: &mut Effects) -> Result<(), String> {
    if live.people() >= MOST_PEOPLE && !live.is_person(name) {
        return Err(format!("at most {MOST_PEOPLE} people of the room have sessions"));
    }
    live.add_person(name, fx)?;
    fx.report(Report::PersonJoined(name.clone()));
    Ok(())
}
