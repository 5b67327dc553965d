//! The connections of a run: the control connection and one a session.

use std::time::{Duration, Instant};

use futures::future::{join_all, select_all};

use super::Trouble;
use super::client::{Answer, Client};
use super::news::News;
use super::sight::{Sight, question};
use crate::event::{Pid, SessionName};
use crate::isolation_output::{Complaint, Telling};
use crate::psql;
use crate::scenario::Scenario;
use crate::wire::Target;

/// What `pg_isolation_regress` gives to every connection: by environment (the first three) or for its database.
const SETTINGS: [(&str, &str); 8] = [
    ("TimeZone", "PST8PDT"),
    ("DateStyle", "Postgres, MDY"),
    ("IntervalStyle", "postgres_verbose"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("bytea_output", "hex"),
    ("timezone_abbreviations", "Default"),
];

/// Messages in English, where the user may choose: that takes a superuser.
const SPEAK_PLAINLY: &str =
    "select set_config('lc_messages', 'C', false) where current_setting('is_superuser') = 'on'";

/// The connections of a run.
#[derive(Debug)]
pub(super) struct Cast {
    /// Where they are connected to, and as whom.
    pub(super) target: Target,
    pub(super) control: Client,
    /// In the order of the specification's sessions.
    pub(super) sessions: Vec<Client>,
    pub(super) news: News,
    pub(super) limit: Duration,
    /// What was seen since something was sent last.
    sight: Option<Sight>,
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
        let connecting = join_all(names.map(|name| connect(&target, name))).await;
        let mut sessions = Vec::with_capacity(connecting.len());
        for (number, connected) in connecting.into_iter().enumerate() {
            sessions.push(connected.inspect_err(|error| {
                let reason = error.to_string();
                news.complain(Complaint::Connection { number, reason });
            })?);
        }
        let control = sessions.remove(0);
        news.mute(control.pid);
        Ok(Self { target, control, sessions, news, limit, sight: None })
    }

    /// Says goodbye to everybody.
    pub(super) async fn close(self) {
        join_all(self.sessions.into_iter().map(Client::close)).await;
        self.control.close().await;
    }

    /// Sends a step.
    pub(super) async fn send(&mut self, session: usize, sql: &str) -> Result<(), String> {
        self.sight = None;
        self.sessions[session].send(sql).await
    }

    /// Whether the session's next result is still awaited.
    pub(super) fn is_busy(&mut self, session: usize) -> bool {
        self.sessions[session].is_busy(&mut self.news)
    }

    /// Runs a setup or a teardown, shows its last result, and gives the reason when it failed.
    pub(super) async fn perform(&mut self, who: Who, sql: &str) -> Result<(), String> {
        self.sight = None;
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
            Answer::Failed(message) => Err(psql::libpq_message(&message, client.sql())),
            Answer::Broken(reason) => Err(reason),
            Answer::Empty | Answer::Copy(_) => Err(String::new()),
        }
    }

    /// Who waits: what was seen since the last submission, or a new look.
    pub(super) async fn sight(&mut self, freshness: Freshness) -> Result<&Sight, Trouble> {
        let seen = match (freshness, self.sight.take()) {
            (Freshness::SinceLastStep, Some(seen)) => seen,
            _ => self.ask().await?,
        };
        Ok(self.sight.insert(seen))
    }

    /// Asks the server. What was sent to a session before the server looked has been heard afterwards.
    async fn ask(&mut self) -> Result<Sight, Trouble> {
        self.gather().await;
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
        self.gather().await;
        sight.map_err(|reason| self.give_up(Complaint::WaitQuery(reason)))
    }

    async fn gather(&mut self) {
        for client in &mut self.sessions {
            client.gather().await;
        }
    }

    /// When something was sent to a session or heard from one last.
    pub(super) fn stirred(&self) -> Instant {
        let newest = self.sessions.iter().map(|client| client.stirred).max();
        newest.unwrap_or_else(Instant::now)
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

/// Whose setup or teardown is to be run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Control,
    /// A session, by its place.
    Session(usize),
}

/// How fresh a look at the waits must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Nothing has been sent since: waits that last are the same still.
    SinceLastStep,
    /// New.
    Now,
}

async fn connect(target: &Target, name: &SessionName) -> Result<Client, Trouble> {
    let mut client = Client::connect(target, name).await?;
    client.prepare(SPEAK_PLAINLY).await?;
    Ok(client)
}
