//! What the engine, the observer and the gateway say.

use super::{Failure, Line, Script, session_called};
use crate::core::event::{
    Blocker, Certainty, Conflict, Pid, SessionName, TransactionStatus, Wait, WaitTarget,
};
use crate::core::scenario::{EngineKind, Isolation};
use crate::core::seats::{Hold, HoldKind, Holder, WatchedRow, WatchedTable, WatchedTables};
use crate::core::table_copy::TableCopy;
use crate::gateway::{Happening, News, PrivateChange};
use crate::observer::Pulse;
use crate::run::machine::input::{EngineFacts, EngineOpened, Input, Observation};
use crate::run::machine::output::{Demand, EngineRequest, Output, Question};
use crate::run::machine::quiet::Blocked;
use crate::run::participant::Silence;

/// The schema of every script.
const SCHEMA: &str = "overbooked_run_5c1f09aa";

impl Script {
    /// A line that begins with the engine, the observer or the gateway.
    pub(super) fn world(&mut self, line: &Line, out: &mut String) -> Result<(), Failure> {
        let says = || line.named.get("says").cloned().unwrap_or_default();
        let input = match line.words()[..] {
            ["engine", "is", "open"] => {
                self.is_kept = line.named.contains_key("kept");
                self.isolation = line.named.get("level").and_then(|name| Isolation::named(name));
                let swept = line.named.get("swept").cloned().into_iter().collect();
                Input::EngineOpened(Ok(EngineOpened { facts: self.facts(), swept }))
            }
            ["engine", "fails"] => Input::EngineOpened(Err(says())),
            ["engine", "is", "closed"] => Input::EngineClosed,
            ["schema", "is", "made"] => Input::SchemaMade(Ok(SCHEMA.to_owned())),
            ["schema", "fails"] => Input::SchemaMade(Err(says())),
            ["schema", "is", "dropped"] => Input::SchemaDropped(Ok(())),
            ["schema", "stays"] => Input::SchemaDropped(Err(says())),
            ["server", "lives"] => Input::Revived(Ok(false)),
            ["server", "was", "dead"] => Input::Revived(Ok(true)),
            ["server", "stays", "dead"] => Input::Revived(Err(says())),
            ["backend", "is", "ended"] => Input::BackendEnded(true),
            ["backend", "stays"] => Input::BackendEnded(false),
            ["others", "are", "silent"] => Input::OthersSilent,
            ["observer", ref words @ ..] => self.observer(words, line)?,
            ["gateway", ref words @ ..] => Input::News(self.news(words)?),
            _ => return Err(format!("nobody understands: {}", line.words.join(" ")).into()),
        };
        self.feed(input, out)
    }

    fn facts(&self) -> EngineFacts {
        EngineFacts {
            kind: self.engine.unwrap_or(EngineKind::Postgres),
            product: "PostgreSQL 17".to_owned(),
            place: "here".to_owned(),
            isolation: self.isolation,
            is_alone: false,
            is_kept: self.is_kept,
        }
    }

    fn observer(&mut self, words: &[&str], line: &Line) -> Result<Input, Failure> {
        let says = line.named.get("says").cloned().unwrap_or_default();
        Ok(match words {
            ["sees", "nobody", "waiting"] => self.sees(Vec::new(), line)?,
            ["sees", behind @ ..] => {
                let blocked = self.blocked(behind)?;
                self.sees(blocked, line)?
            }
            ["is", "blind"] => self.is_blind(says)?,
            ["says", "nothing"] => self.says(Vec::new())?,
            ["says", waits @ ..] => {
                let waits = self.waits(waits, line)?;
                self.says(waits)?
            }
            ["tells", "how", "tables", "are", "made"] => {
                let copy = TableCopy { name: "inventory".to_owned(), ..TableCopy::default() };
                Input::TableCopies(vec![copy])
            }
            ["misses", "nothing"] => Input::Missing(Vec::new()),
            ["misses", tables @ ..] => {
                Input::Missing(tables.iter().map(ToString::to_string).collect())
            }
            ["shows", "tables"] => tables(Vec::new()),
            ["shows", name, "holding", rows @ ..] => {
                tables(rows.iter().map(|row| held(row, name)).collect())
            }
            ["cannot", "show", "tables"] => {
                Input::Observation(Observation::WatchedTables(Err(says), None))
            }
            ["shows", "nothing", "new"] => {
                Input::Observation(Observation::Nothing(Pulse::default()))
            }
            _ => return Err(format!("the observer cannot {}", words.join(" ")).into()),
        })
    }

    /// `Mallory behind Bob and Carol behind Mallory`.
    fn blocked(&mut self, words: &[&str]) -> Result<Vec<Blocked>, Failure> {
        let mut all: Vec<Blocked> = Vec::new();
        for words in words.split(|word| *word == "and") {
            let [waiter, "behind", blockers @ ..] = words else {
                return Err("WAITER behind BLOCKER ... and WAITER behind ...".into());
            };
            let blockers = blockers.iter().map(|name| self.pid_of(name)).collect();
            let waiter = self.pid_of(waiter);
            all.push((waiter, blockers));
        }
        Ok(all)
    }

    fn sees(&mut self, blocked: Vec<Blocked>, line: &Line) -> Result<Input, Failure> {
        let Some(Question::Blocked { epoch, .. }) = self.asked.take() else {
            return Err("nobody asked the observer who is in whose way".into());
        };
        let named = |key: &str| line.named.get(key).cloned().unwrap_or_default();
        let pids = |script: &mut Self, names: String| -> Vec<_> {
            names.split_whitespace().map(|name| script.pid_of(name)).collect()
        };
        let strangers = pids(self, named("idle"));
        let under_way = pids(self, named("running"));
        let answer = Ok(blocked);
        Ok(Input::Observation(Observation::Blocked { epoch, answer, strangers, under_way }))
    }

    /// `Mallory waits for Bob and Carol waits for Mallory Bob`.
    fn waits(&self, words: &[&str], line: &Line) -> Result<Vec<(SessionName, Wait)>, Failure> {
        let waits = words.split(|word| *word == "and").map(|words| match words {
            [waiter, "waits", "for", blockers @ ..] => {
                Ok((session_called(waiter), self.wait_for(blockers, line)))
            }
            _ => Err("WAITER waits for BLOCKER ... and WAITER waits for ...".into()),
        });
        waits.collect()
    }

    fn says(&mut self, waits: Vec<(SessionName, Wait)>) -> Result<Input, Failure> {
        let Some(Question::Waits { blocked, strangers, epoch, .. }) = self.asked.take() else {
            return Err("nobody asked the observer who waits for what".into());
        };
        let answer = Ok(waits);
        Ok(Input::Observation(Observation::Waits { epoch, blocked, strangers, answer }))
    }

    fn is_blind(&mut self, trouble: String) -> Result<Input, Failure> {
        let (strangers, under_way, answer) = (Vec::new(), Vec::new(), Err(trouble.clone()));
        Ok(Input::Observation(match self.asked.take() {
            Some(Question::Blocked { epoch, .. }) => {
                Observation::Blocked { epoch, answer, strangers, under_way }
            }
            Some(Question::Waits { epoch, blocked, strangers, .. }) => {
                Observation::Waits { epoch, blocked, strangers, answer: Err(trouble) }
            }
            _ => return Err("nobody asked the observer about waits".into()),
        }))
    }

    fn wait_for(&self, blockers: &[&str], line: &Line) -> Wait {
        let blocker = |name: &&str| match self.backends.contains_key(&session_called(name)) {
            true => Blocker::Session(session_called(name)),
            false if *name == "prepared" => Blocker::Prepared(None),
            false => Blocker::Foreign {
                pid: self.strangers.get(*name).copied().unwrap_or(Pid(0)),
                application: (*name).to_owned(),
            },
        };
        let blockers = blockers.iter().map(blocker).collect();
        let target = match line.named.get("row") {
            Some(row) => {
                WaitTarget::Row { table: "seats".to_owned(), key: Some(row.clone()), wants: None }
            }
            None => WaitTarget::Transaction,
        };
        Wait { blockers, target, certainty: Certainty::Observed }
    }

    fn news(&mut self, words: &[&str]) -> Result<News, Failure> {
        let (pid, what) = match words {
            ["says", name, "has", "changed", rows @ ..] => {
                let changes = rows.iter().map(|row| change(row, name)).collect();
                (self.pid_of(name), Happening::Private(changes))
            }
            ["says", name, "has", "gone"] => (self.pid_of(name), Happening::Gone),
            ["says", name, "loses", row, "to", winner] => {
                let conflict = Conflict {
                    table: "seats".to_owned(),
                    key: (*row).to_owned(),
                    winner: Some(format!("overbooked/{winner}")),
                    since: None,
                };
                (self.pid_of(name), Happening::Conflict(conflict))
            }
            _ => return Err(format!("the gateway cannot {}", words.join(" ")).into()),
        };
        Ok(News { pid, application: String::new(), what })
    }

    /// Answers as the world does where nothing goes wrong, in a script's `ready`.
    pub(super) fn help(&mut self, output: &Output, out: &mut String) -> Result<(), Failure> {
        if !self.is_helpful {
            return Ok(());
        }
        match output {
            Output::Engine(EngineRequest::Open(kind)) => {
                self.engine = Some(*kind);
                let opened = EngineOpened { facts: self.facts(), swept: Vec::new() };
                self.feed(Input::EngineOpened(Ok(opened)), out)
            }
            Output::Engine(EngineRequest::MakeSchema) => {
                self.feed(Input::SchemaMade(Ok(SCHEMA.to_owned())), out)
            }
            Output::Engine(EngineRequest::DropSchema) => {
                self.feed(Input::SchemaDropped(Ok(())), out)
            }
            Output::Engine(EngineRequest::AwaitOthers) => self.feed(Input::OthersSilent, out),
            Output::Engine(EngineRequest::Close) => self.feed(Input::EngineClosed, out),
            Output::Observe(Question::TableCopies) => {
                self.feed(Input::TableCopies(Vec::new()), out)
            }
            Output::Observe(Question::Missing) => self.feed(Input::Missing(Vec::new()), out),
            Output::Join(newcomer) => self.connects(&newcomer.name, out),
            Output::Ask(name, Demand::Submit(_) | Demand::Revive(_)) => {
                self.answers(name, &["OK"], TransactionStatus::Idle, out)
            }
            Output::Ask(name, Demand::Silence) => {
                self.falls(name.clone(), Silence::Kept(TransactionStatus::Idle), out)
            }
            Output::Ask(name, Demand::Release) => self.feed(Input::Released(name.clone()), out),
            _ => Ok(()),
        }
    }
}

fn tables(places: Vec<WatchedRow>) -> Input {
    let table = WatchedTable {
        name: "seats".to_owned(),
        seats: None,
        columns: vec!["seat".to_owned()],
        rows: 0,
        places,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    };
    let tables = WatchedTables { tables: vec![table], blind: Vec::new() };
    Input::Observation(Observation::WatchedTables(Ok(tables), None))
}

fn held(row: &str, by: &str) -> WatchedRow {
    let holder = Holder::Session(SessionName::new(by));
    WatchedRow {
        key: row.to_owned(),
        values: vec![Some(row.to_owned())],
        committed: true,
        holders: vec![Hold { holder, kind: HoldKind::Write, becomes: None }],
        waiters: Vec::new(),
    }
}

fn change(row: &str, by: &str) -> PrivateChange {
    PrivateChange {
        schema: SCHEMA.to_owned(),
        table: "seats".to_owned(),
        key: row.to_owned(),
        kind: HoldKind::Write,
        becomes: Some(vec![("seat".to_owned(), Some(by.to_owned()))]),
    }
}
