//! The connections of a run: the control connection and one a session.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{join_all, select_all};

use super::Trouble;
use super::client::{Answer, Client};
use super::news::News;
use super::pace::{Manners, Pace};
use super::sight::{Sight, question};
use crate::event::{Pid, SessionName};
use crate::isolation_output::{Complaint, Telling};
use crate::psql;
use crate::scenario::{Scenario, Step};
use crate::wire::Target;

/// What `pg_isolation_regress` gives to every connection: by environment (the first three) or for its database.
const SETTINGS: [(&str, &str); 7] = [
    ("TimeZone", "PST8PDT"),
    ("DateStyle", "Postgres, MDY"),
    ("IntervalStyle", "postgres_verbose"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("bytea_output", "hex"),
];

/// Another of them, sent only where the server has it otherwise: it makes a server process read a file.
const ABBREVIATIONS: &str = "set timezone_abbreviations to 'Default'";

/// The connections of a run.
pub(super) struct Cast {
    /// Where they are connected to, and as whom.
    pub(super) target: Target,
    pub(super) control: Client,
    /// In the order of the specification's sessions.
    pub(super) sessions: Vec<Client>,
    pub(super) news: News,
    pub(super) limit: Duration,
    pub(super) pace: Pace,
    /// Each step's session, by its place.
    pub(super) homes: Vec<usize>,
    /// What was seen last, and how often anything had been sent or heard by then.
    sight: Option<(u64, Sight)>,
}

impl Cast {
    /// Connects everybody.
    pub(super) async fn connect(
        spec: &Scenario,
        target: &Target,
        mut news: News,
        limit: Duration,
    ) -> Result<Self, Trouble> {
        let target = SETTINGS.iter().fold(
            target.with_application_name(&format!("isolation/{}", spec.name)),
            |target, (name, value)| target.with_parameter(name, value),
        );
        let control = SessionName::new("control connection");
        let names =
            std::iter::once(&control).chain(spec.sessions.iter().map(|player| &player.name));
        let connecting = join_all(names.map(|name| Client::connect(&target, name))).await;
        let mut clients = Vec::with_capacity(connecting.len());
        for (number, connected) in connecting.into_iter().enumerate() {
            let mut client = connected.inspect_err(|error| {
                let reason = error.to_string();
                news.complain(Complaint::Connection { number, reason });
            })?;
            if number == 0 {
                news.mute(client.pid);
            }
            client.finish(&mut news).await?;
            clients.push(client);
        }
        let mut control = clients.remove(0);
        let manners = Manners::read(&control.prepare(Manners::QUESTION, &mut news).await?);
        let pace = Pace::of(spec, &manners);
        let homes = homes(spec);
        let sessions = clients;
        let mut cast = Self { target, control, sessions, news, limit, pace, homes, sight: None };
        cast.adapt(&manners).await?;
        Ok(cast)
    }

    /// Makes up for what the server does otherwise than most.
    async fn adapt(&mut self, manners: &Manners) -> Result<(), Trouble> {
        let is_behind_a_pooler = manners.pid != Some(self.control.pid);
        for client in self.sessions.iter_mut().chain([&mut self.control]) {
            if is_behind_a_pooler {
                client.ask_pid(&mut self.news).await?;
            }
            if !manners.has_default_abbreviations {
                client.prepare(ABBREVIATIONS, &mut self.news).await?;
            }
        }
        self.news.mute(self.control.pid);
        Ok(())
    }

    /// Says goodbye to everybody.
    pub(super) async fn close(self) {
        join_all(self.sessions.into_iter().map(Client::close)).await;
        self.control.close().await;
    }

    /// Sends a step.
    pub(super) async fn send(&mut self, session: usize, sql: &str) -> Result<(), String> {
        self.sessions[session].send(sql).await
    }

    /// Whether the session's next result is still awaited.
    pub(super) fn is_busy(&mut self, session: usize) -> bool {
        self.sessions[session].is_busy(&mut self.news)
    }

    /// Runs a setup or a teardown, shows its last result, and gives the reason when it failed.
    pub(super) async fn perform(&mut self, who: Who, sql: &str) -> Result<(), String> {
        let client = match who {
            Who::Control => &mut self.control,
            Who::Session(session) => &mut self.sessions[session],
        };
        match client.execute(sql, &mut self.news).await? {
            Answer::Done => Ok(()),
            Answer::Rows { columns, rows } => {
                self.news.tell(Telling::Aside { columns, rows });
                Ok(())
            }
            Answer::Failed(message) => Err(client.in_full(&message)),
            Answer::Broken(reason) => Err(reason),
            Answer::Empty | Answer::Copy(_) => Err(String::new()),
        }
    }

    /// Who waits: what was seen since anything was sent or heard last, or a new look.
    pub(super) async fn sight(&mut self) -> Result<&Sight, Trouble> {
        self.gather();
        let stirs = self.stirs();
        let seen = match self.sight.take() {
            Some((then, seen)) if then == stirs => seen,
            _ => self.ask().await?,
        };
        Ok(&self.sight.insert((stirs, seen)).1)
    }

    /// How often anything was sent to a session or heard from one.
    fn stirs(&self) -> u64 {
        self.sessions.iter().map(|client| client.stirs).sum()
    }

    /// Who waits, as a new look shows it.
    pub(super) async fn look(&mut self) -> Result<&Sight, Trouble> {
        self.sight = None;
        self.sight().await
    }

    /// Asks the server. What was sent to a session before the server looked has been heard afterwards.
    async fn ask(&mut self) -> Result<Sight, Trouble> {
        let all: Vec<Pid> = self.sessions.iter().map(|client| client.pid).collect();
        let (idle, busy): (Vec<&Client>, Vec<&Client>) =
            self.sessions.iter().partition(|client| client.is_idle());
        let pids = |clients: Vec<&Client>| clients.iter().map(|client| client.pid).collect();
        let (idle, busy): (Vec<Pid>, Vec<Pid>) = (pids(idle), pids(busy));
        let answer = self.control.execute(&question(&busy, &all), &mut self.news).await;
        let sight = match answer {
            Ok(Answer::Rows { rows, .. }) => Sight::read(&rows, idle).ok_or_else(String::new),
            Ok(Answer::Failed(message)) => Err(psql::libpq_message(&message, "")),
            Ok(Answer::Broken(reason)) | Err(reason) => Err(reason),
            Ok(_) => Err(String::new()),
        };
        self.gather();
        sight.map_err(|reason| self.give_up(Complaint::WaitQuery(reason)))
    }

    fn gather(&mut self) {
        for client in self.sessions.iter_mut().filter(|client| !client.is_idle()) {
            client.gather();
        }
    }

    /// Waits until anything has arrived for anybody, or the time is over.
    pub(super) async fn hear_anybody(&mut self, patience: Duration) {
        let hearing = self
            .sessions
            .iter_mut()
            .filter(|client| !client.is_idle())
            .map(|client| Box::pin(client.hear(patience)));
        let hearing: Vec<_> = hearing.collect();
        if hearing.is_empty() {
            let _nobody = tokio::time::timeout(patience, std::future::pending::<()>()).await;
        } else {
            select_all(hearing).await;
        }
    }

    /// Says why the run cannot go on.
    pub(super) fn give_up(&self, complaint: Complaint) -> Trouble {
        self.news.complain(complaint);
        Trouble::GivenUp
    }
}

/// The parser lets no step be without a session.
fn homes(spec: &Scenario) -> Vec<usize> {
    let players = spec.sessions.iter().enumerate();
    let places: HashMap<&SessionName, usize> =
        players.map(|(place, player)| (&player.name, place)).collect();
    let home = |step: &Step| places.get(&step.session).copied().unwrap_or_default();
    spec.steps.iter().map(home).collect()
}

/// Whose setup or teardown is to be run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Control,
    /// A session, by its place.
    Session(usize),
}
