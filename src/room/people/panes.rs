//! Panes of people's own: the teacher gives one, its holder types SQL into it, everybody sees it.

use std::time::Duration;

use super::{People, Person, Refusal, Session};
use crate::core::event::Kind;
use crate::core::scenario::EngineKind;
use crate::room::booking::Outcome;
use crate::room::token::Visitor;
use crate::room::typed::{self, TypedError};
use crate::run::{Command, NO_PANE};
use crate::stage::Stage;

/// Whether a person can type, and what has come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnPane {
    pub(super) is_given: bool,
    doing: Doing,
    /// Why there is none, where the teacher wanted to give one.
    pub(super) refused: Option<String>,
}

/// What a pane's session does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Nothing,
    /// The person has typed this, which is not sent yet.
    Asked(String),
    /// A statement is not answered yet: the person's, or what the teacher has typed there.
    Runs,
}

impl OwnPane {
    /// Something has happened in the person's session.
    pub(super) fn hear(&mut self, kind: &Kind) {
        match kind {
            // What the teacher has typed there may go out before.
            Kind::Sent { sql, .. } if !self.waits_for_another(sql) => {
                self.doing = Doing::Runs;
                self.refused = None;
            }
            Kind::Ready { .. } | Kind::Lost { .. } | Kind::Closed => self.doing = Doing::Nothing,
            _ => {}
        }
    }

    fn waits_for_another(&self, sent: &str) -> bool {
        matches!(&self.doing, Doing::Asked(sql) if sql != sent)
    }

    /// The run has not done what was asked for, of somebody who has a session or has none. What the
    /// teacher has typed there is refused to the teacher.
    pub(super) fn note_refused(&mut self, why: &str, has_session: bool) {
        if has_session && !matches!(self.doing, Doing::Asked(_)) {
            return;
        }
        self.doing = Doing::Nothing;
        self.is_given = has_session;
        self.refused = Some(why.to_owned());
    }
}

impl People {
    /// The teacher gives somebody a pane, or takes it back.
    pub(super) fn give_or_take_pane(&mut self, name: &str, stage: &Stage) {
        let engine = stage.course().engine().line().map(|line| line.kind);
        let Some(person) = self.all.iter_mut().find(|it| it.name.as_str() == name) else { return };
        if person.pane.is_given {
            person.pane = OwnPane::default();
            // Of what is under way nobody is told the end.
            person.end(Outcome::Broken("the pane was taken back".to_owned()), Duration::ZERO);
            person.session = match person.session {
                Session::Here | Session::Going => Session::Going,
                Session::Coming | Session::Away => Session::Away,
            };
            self.commands.push(Command::TakePane(person.name.clone()));
            return;
        }
        let given = person.receive_pane(engine);
        self.commands.extend(given);
    }

    /// After a fresh setup: whoever had a pane has it again, where there can be one.
    pub(super) fn give_panes_anew(&mut self, engine: EngineKind) {
        for person in &mut self.all {
            if std::mem::take(&mut person.pane).is_given {
                self.commands.extend(person.receive_pane(Some(engine)));
            }
        }
    }

    /// Somebody types SQL into their pane.
    pub(in crate::room) fn type_sql(
        &mut self,
        visitor: Visitor,
        text: &str,
        stage: &Stage,
        now: Duration,
    ) -> Result<(), Refusal> {
        let person = self.all.iter_mut().find(|it| it.visitor == visitor);
        let person = person.ok_or(Refusal::Nameless)?;
        if !person.pane.is_given {
            return Err(Refusal::NoPane);
        }
        if !person.bucket.takes(now) {
            return Err(Refusal::TooFast);
        }
        if person.pane.doing != Doing::Nothing || person.attempt.is_some() {
            return Err(Refusal::StillRuns);
        }
        if person.session != Session::Here {
            return Err(Refusal::NotConnected);
        }
        let tables = &stage.watched().tables().tables;
        let table = tables.iter().find(|table| table.seats.is_some()).ok_or(Refusal::NoMap)?;
        let (name, columns) = (&table.name, &table.columns);
        let sql = typed::statement(text, typed::Table { name, columns })?;
        person.pane.doing = Doing::Asked(sql.clone());
        self.commands.push(Command::Submit { session: person.name.clone(), sql });
        Ok(())
    }
}

impl Person {
    /// The session is closed now: whoever wants one again has it only from here on.
    pub(super) fn is_gone(&mut self) -> Vec<Command> {
        self.session = Session::Away;
        if self.pane.is_given || self.attempt.is_some() { self.come() } else { Vec::new() }
    }

    /// What is to be asked of the run, so that there is a session, with a pane if one is given.
    /// While an earlier one is being closed, that is to be asked once it is.
    pub(super) fn come(&mut self) -> Vec<Command> {
        if self.session == Session::Going {
            return Vec::new();
        }
        let add = (self.session == Session::Away).then(|| Command::AddPerson(self.name.clone()));
        if add.is_some() {
            self.session = Session::Coming;
        }
        let give = self.pane.is_given.then(|| Command::GivePane(self.name.clone()));
        add.into_iter().chain(give).collect()
    }

    /// What is to be asked of the run, so that there is a pane.
    fn receive_pane(&mut self, engine: Option<EngineKind>) -> Vec<Command> {
        self.pane = OwnPane::default();
        if engine != Some(EngineKind::Postgres) {
            self.pane.refused = Some(NO_PANE.to_owned());
            return Vec::new();
        }
        self.pane.is_given = true;
        self.come()
    }
}

impl From<TypedError> for Refusal {
    fn from(why: TypedError) -> Self {
        Self::Typed(why)
    }
}
