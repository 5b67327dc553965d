//! The connections of a run: the control connection and one a session.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{join_all, select_all};

use super::SpecError;
use super::client::{Answer, Client};
use super::news::TellingSender;
use super::pace::{Endings, Manners, Pace};
use super::timer::Timer;
use super::waits::{WaitLook, question, question_of_grips};
use crate::core::event::{Pid, Row, SessionName};
use crate::core::scenario::{Scenario, Step};
use crate::pg::Target;
use crate::reports::isolation_output::{Complaint, Telling, Whose};
use crate::reports::psql;

/// What `pg_isolation_regress` gives to every connection: by environment (the first three) or for
/// its database.
const SETTINGS: [(&str, &str); 7] = [
    ("TimeZone", "PST8PDT"),
    ("DateStyle", "Postgres, MDY"),
    ("IntervalStyle", "postgres_verbose"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("bytea_output", "hex"),
];

/// The same as statements.
pub(crate) fn settings() -> impl Iterator<Item = String> {
    SETTINGS.iter().map(|(name, value)| format!("set {name} = '{value}'"))
}

/// Another of them, sent only where the server has it otherwise: it makes a server process read a
/// file.
const ABBREVIATIONS: &str = "set timezone_abbreviations to 'Default'";

/// The connections of a run.
pub(super) struct Connections {
    /// Where they are connected to, and as whom.
    pub(super) target: Target,
    pub(super) control: Client,
    /// In the order of the specification's sessions.
    pub(super) sessions: Vec<Client>,
    pub(super) news: TellingSender,
    pub(super) limit: Duration,
    pub(super) endings: Endings,
    /// Each step's session, by its place.
    pub(super) homes: Vec<usize>,
    timer: Timer,
    /// Whether a teardown was sent that is not heard out yet.
    owes_teardown: bool,
    /// What was seen last, and how often anything had been sent or heard by then.
    sight: Option<(u64, WaitLook)>,
}

impl Connections {
    pub(super) async fn connect(
        spec: &Scenario,
        target: &Target,
        mut news: TellingSender,
        limit: Duration,
    ) -> Result<Self, SpecError> {
        let target = SETTINGS.iter().fold(
            target.with_application_name(&format!("isolation/{}", spec.name)),
            |target, (name, value)| target.with_parameter(name, value),
        );
        let control = SessionName::new("control connection");
        let names =
            std::iter::once(&control).chain(spec.sessions.iter().map(|player| &player.name));
        let questions = std::iter::once(Manners::QUESTION).chain(std::iter::repeat(""));
        let connecting =
            names.zip(questions).map(|(name, question)| Client::connect(&target, name, question));
        // At once, since none needs another; complained of one by one, in the order in which
        // isolationtester connects.
        let connecting = join_all(connecting).await;
        let mut clients = Vec::with_capacity(connecting.len());
        let mut manners = None;
        for (number, connected) in connecting.into_iter().enumerate() {
            let mut client = connected.inspect_err(|error| {
                let reason = error.to_string();
                news.complain(Complaint::Connection { number, reason });
            })?;
            if number == 0 {
                // isolationtester gives this connection a notice processor that drops everything
                // (`blackholeNoticeProcessor`).
                news.mute(client.pid);
            }
            let told = client.finish(&mut news).await?;
            manners.get_or_insert_with(|| Manners::read(&told));
            clients.push(client);
        }
        let control = clients.remove(0);
        let manners = manners.unwrap_or_else(|| Manners::read(&Row::new()));
        let endings = Endings::of(spec, &manners);
        let homes = homes(spec);
        let sessions = clients;
        let mut cast = Self {
            target,
            control,
            sessions,
            news,
            limit,
            endings,
            homes,
            timer: Timer::new(),
            owes_teardown: false,
            sight: None,
        };
        cast.adapt(&manners).await?;
        Ok(cast)
    }

    /// Makes up for what the server does otherwise than most.
    async fn adapt(&mut self, manners: &Manners) -> Result<(), SpecError> {
        let is_behind_a_pooler = manners.pid != Some(self.control.pid);
        for client in self.sessions.iter_mut().chain([&mut self.control]) {
            if is_behind_a_pooler {
                client.ask_pid(&mut self.news).await?;
            }
            if !manners.has_default_abbreviations {
                client.prepare(ABBREVIATIONS, &mut self.news).await?;
            }
        }
        // Behind a pooler its process is another one by now.
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
        self.endings.send(sql);
        self.sessions[session].send(sql).await
    }

    /// Whether the session's next result is still awaited.
    pub(super) fn is_busy(&mut self, session: usize) -> bool {
        self.sessions[session].is_busy(&mut self.news)
    }

    /// Runs a setup or a teardown, shows its last result, and gives the reason when it failed.
    pub(super) async fn perform(&mut self, who: Who, sql: &str) -> Result<(), String> {
        self.begin(who, sql).await?;
        self.conclude(who).await
    }

    fn client(&mut self, who: Who) -> (&mut Client, &mut TellingSender) {
        let client = match who {
            Who::Control => &mut self.control,
            Who::Session(session) => &mut self.sessions[session],
        };
        (client, &mut self.news)
    }

    /// Sends the teardown. At a quick pace it is heard out together with the next setup: nobody
    /// else is at work meanwhile.
    pub(super) async fn tear_down(&mut self, sql: &str) {
        self.hear_teardown().await;
        match self.begin(Who::Control, sql).await {
            Ok(()) => self.owes_teardown = true,
            Err(reason) => self.complain_of_teardown(reason),
        }
        if self.endings.pace() == Pace::Measured {
            self.hear_teardown().await;
        }
    }

    /// Hears the teardown out, if it was not yet. What fails in it is told and passed over.
    pub(super) async fn hear_teardown(&mut self) {
        if std::mem::take(&mut self.owes_teardown)
            && let Err(reason) = self.conclude(Who::Control).await
        {
            self.complain_of_teardown(reason);
        }
    }

    fn complain_of_teardown(&self, reason: String) {
        self.news.complain(Complaint::Teardown(Whose::Control, reason));
    }

    /// Sends a setup or a teardown.
    pub(super) async fn begin(&mut self, who: Who, sql: &str) -> Result<(), String> {
        let (client, news) = self.client(who);
        client.begin(sql, news).await
    }

    /// Hears a setup or a teardown out that was sent.
    pub(super) async fn conclude(&mut self, who: Who) -> Result<(), String> {
        let (client, news) = self.client(who);
        match client.conclude(news).await? {
            Answer::Done => Ok(()),
            Answer::Rows { columns, rows } => {
                self.news.tell(Telling::Aside { columns, rows });
                Ok(())
            }
            Answer::Failed(message) => Err(client.in_full(&message)),
            Answer::Broken(reason) => Err(reason),
            // isolationtester takes all but a command and rows for a failure; `PQerrorMessage` has
            // nothing to say of these.
            Answer::Empty | Answer::Copy(_) => Err(String::new()),
        }
    }

    /// Who waits: what was seen since anything was sent or heard last, or a new look.
    pub(super) async fn sight(&mut self) -> Result<&WaitLook, SpecError> {
        // What has arrived counts as heard, or an old look would stand for what it has changed.
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
    pub(super) async fn look(&mut self) -> Result<&WaitLook, SpecError> {
        self.sight = None;
        self.sight().await
    }

    /// Asks the server. What was sent to a session before the server looked has been heard
    /// afterwards.
    async fn ask(&mut self) -> Result<WaitLook, SpecError> {
        let all: Vec<Pid> = self.sessions.iter().map(|client| client.pid).collect();
        let (idle, busy): (Vec<&Client>, Vec<&Client>) =
            self.sessions.iter().partition(|client| client.is_idle());
        let pids = |clients: Vec<&Client>| clients.iter().map(|client| client.pid).collect();
        let (idle, busy): (Vec<Pid>, Vec<Pid>) = (pids(idle), pids(busy));
        let answer = self.control.execute(&question(&busy, &all), &mut self.news).await;
        let sight = match answer {
            Ok(Answer::Rows { rows, .. }) => WaitLook::read(&rows, &idle).ok_or_else(String::new),
            Ok(Answer::Failed(message)) => Err(psql::libpq_message(&message, "")),
            Ok(Answer::Broken(reason)) | Err(reason) => Err(reason),
            Ok(_) => Err(String::new()),
        };
        self.gather();
        sight.map_err(|reason| self.give_up(Complaint::WaitQuery(reason)))
    }

    /// Whether none of these sessions, which wait, has anything that a statement about rows could
    /// come to wait for. Where that cannot be learnt, some has.
    pub(super) async fn are_empty_handed(&mut self, waiting: &[Pid]) -> bool {
        let answer = self.control.execute(&question_of_grips(waiting), &mut self.news).await;
        let Ok(Answer::Rows { rows, .. }) = answer else { return false };
        rows.is_empty()
    }

    fn gather(&mut self) {
        for client in self.sessions.iter_mut().filter(|client| !client.is_idle()) {
            client.gather();
        }
    }

    /// Waits until something has arrived for this session, or the time is over; whether it has.
    pub(super) async fn hear(&mut self, session: usize, patience: Duration) -> Heard {
        match self.timer.limit(patience, self.sessions[session].hear()).await {
            Some(()) => Heard::Something,
            None => Heard::Nothing,
        }
    }

    /// Lets time go by.
    pub(super) async fn pause(&self, time: Duration) {
        self.timer.limit(time, std::future::pending::<()>()).await;
    }

    /// Waits until anything has arrived for anybody, or the time is over.
    pub(super) async fn hear_anybody(&mut self, patience: Duration) {
        let busy = self.sessions.iter_mut().filter(|client| !client.is_idle());
        let hearing: Vec<_> = busy.map(|client| Box::pin(client.hear())).collect();
        let heard = async {
            if hearing.is_empty() {
                // `select_all` takes no empty list.
                std::future::pending::<()>().await;
            }
            select_all(hearing).await;
        };
        self.timer.limit(patience, heard).await;
    }

    /// Says why the run cannot go on.
    pub(super) fn give_up(&self, complaint: Complaint) -> SpecError {
        self.news.complain(complaint);
        SpecError::GivenUp
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

/// Whether something has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    Nothing,
}

/// Whose setup or teardown is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Control,
    /// A session, by its place.
    Session(usize),
}
