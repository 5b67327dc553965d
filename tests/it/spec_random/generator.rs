//! Specifications by chance, out of locks, transactions and what ends a wait.
//!
//! A rough model of who holds what sees to it that most orders can be played: a session that waits
//! is given no further step, but now and then. It need not be right, since it says nothing about
//! what must come out.
//!
//! Times are far apart, so that what comes first is the same for everybody: a timeout is over
//! before isolationtester looks, or lasts longer than all steps together; PostgreSQL looks for
//! deadlocks later than that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

/// What may end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endings {
    /// Other sessions' steps, and a deadlock.
    Steps,
    /// `lock_timeout` and `statement_timeout` besides.
    Timeouts,
    /// `pg_cancel_backend` besides.
    Cancels,
    /// `pg_terminate_backend` besides.
    Terminations,
}

const SETUP: &str = "setup {
  drop table if exists t, u, people;
  create table t (a int primary key, b text);
  insert into t values (1, 'one'), (2, 'two'), (3, 'three');
  create table u (a int);
  create table people (name text, pid int);
}
teardown { drop table t, u, people; }
";

const BEGINNINGS: [&str; 4] = [
    "begin;",
    "begin;",
    "begin isolation level repeatable read;",
    "begin isolation level serializable;",
];

/// A lock, by what it is on.
type Key = String;

/// A session as the model sees it.
#[derive(Default)]
struct Session {
    setup: String,
    /// What each step is called, by its SQL.
    steps: BTreeMap<String, String>,
    is_in_transaction: bool,
    holds: Vec<Key>,
    /// The lock that it waits for.
    wants: Option<Key>,
}

impl Session {
    fn is_free(&self) -> bool {
        self.wants.is_none()
    }

    fn end(&mut self) {
        self.is_in_transaction = false;
        self.holds.clear();
    }
}

/// What a step does, as far as the model needs to know.
enum Effect {
    Begin,
    End,
    Lock(Key),
    /// Whatever the other session waits for is over.
    Release(usize),
    Nothing,
}

struct Generator {
    rng: Xoshiro256PlusPlus,
    endings: Endings,
    sessions: Vec<Session>,
    /// Whose step was begun last with a marker, so that it may still run beside the next one.
    overlapping: Option<usize>,
}

/// A specification; the same for the same seed.
pub(super) fn specification(endings: Endings, seed: u64) -> String {
    let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut generator = Generator { rng, endings, sessions: Vec::new(), overlapping: None };
    for number in 1..=generator.rng.random_range(2..=4) {
        let session = generator.session(number);
        generator.sessions.push(session);
    }
    // Who is terminated has no connection for a second permutation.
    let count =
        if endings == Endings::Terminations { 1 } else { generator.rng.random_range(1..=2) };
    let permutations: Vec<String> = (0..count).map(|_| generator.permutation()).collect();
    generator.render(&permutations)
}

impl Generator {
    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.rng.random_range(0..choices.len())]
    }

    fn session(&mut self, number: usize) -> Session {
        let mut setup = "set deadlock_timeout = '500ms'; ".to_owned();
        let _ = write!(setup, "insert into people values ('s{number}', pg_backend_pid());");
        if self.endings == Endings::Timeouts {
            let timeout = self.pick(&[
                " set lock_timeout = '2ms';",
                " set lock_timeout = '250ms';",
                " set statement_timeout = '350ms';",
                "",
            ]);
            setup.push_str(timeout);
        }
        Session { setup, ..Session::default() }
    }

    /// An order of steps, made while they are thought up.
    fn permutation(&mut self) -> String {
        let mut order = String::new();
        self.overlapping = None;
        for session in &mut self.sessions {
            session.end();
            session.wants = None;
        }
        for _ in 0..self.rng.random_range(4..=14) {
            let session = self.rng.random_range(0..self.sessions.len());
            if self.sessions[session].is_free() || self.rng.random_bool(0.02) {
                self.play_any(session, &mut order);
            }
        }
        while let Some(session) =
            self.sessions.iter().position(|session| session.is_in_transaction && session.is_free())
        {
            let end = self.pick(&["commit;", "rollback;"]);
            self.play(session, end, Effect::End, &mut order);
        }
        order
    }

    fn play_any(&mut self, session: usize, order: &mut String) {
        let (sql, effect) = self.step(session);
        self.play(session, &sql, effect, order);
    }

    fn play(&mut self, session: usize, sql: &str, effect: Effect, order: &mut String) {
        let count = self.sessions[session].steps.len();
        let name = format!("s{}_{}", session + 1, count + 1);
        let name = self.sessions[session].steps.entry(sql.to_owned()).or_insert(name);
        // A marker lets the next step begin before this one has ended, so what both touch would be
        // chance.
        let may_overlap = sql.starts_with("do ");
        let is_marked = may_overlap && self.rng.random_bool(0.5);
        let marker = if is_marked { "(*)" } else { "" };
        let _ = write!(order, " {name}{marker}");
        self.overlapping = is_marked.then_some(session);
        self.apply(session, effect);
    }

    fn step(&mut self, session: usize) -> (String, Effect) {
        let who = format!("s{}", session + 1);
        let others_wait = self.sessions.iter().any(|other| !other.is_free());
        if others_wait && self.rng.random_bool(0.3) {
            return self.ending(session);
        }
        if !self.sessions[session].is_in_transaction && self.rng.random_bool(0.7) {
            return (self.pick(&BEGINNINGS).to_owned(), Effect::Begin);
        }
        let row = self.rng.random_range(1..=2);
        match self.rng.random_range(0..17) {
            0..=4 => (format!("update t set b = '{who}' where a = {row};"), lock("row", row)),
            5 => (format!("select * from t where a = {row} for update;"), lock("row", row)),
            6 => (format!("select a from t where a = {row} for share;"), lock("row", row)),
            7 => (format!("delete from t where a = {row};"), lock("row", row)),
            8 => (format!("insert into t values (4, '{who}');"), lock("row", 4)),
            9 => (
                format!("select a from t where a = {row} for update skip locked;"),
                Effect::Nothing,
            ),
            10 => (format!("select a from t where a = {row} for update nowait;"), Effect::Nothing),
            11 => ("select * from t order by a;".to_owned(), Effect::Nothing),
            12 => (
                self.pick(&["lock table u;", "insert into u values (1);"]).to_owned(),
                lock("u", 0),
            ),
            13 => (format!("select pg_advisory_xact_lock({row});"), lock("advisory", row)),
            14 => (format!("do $$ begin raise notice 'it is {who}'; end $$;"), Effect::Nothing),
            15 => (
                self.pick(&["select 1 / 0;", "listen c;", "notify c, 'hello';"]).to_owned(),
                Effect::Nothing,
            ),
            _ => self.ending(session),
        }
    }

    /// A step that ends this transaction, or what another session waits for.
    fn ending(&mut self, session: usize) -> (String, Effect) {
        let function = match self.endings {
            Endings::Cancels => "pg_cancel_backend",
            Endings::Terminations => "pg_terminate_backend",
            Endings::Steps | Endings::Timeouts => {
                return (self.pick(&["commit;", "rollback;"]).to_owned(), Effect::End);
            }
        };
        // Whether a step that may still run is done before its end comes would be chance.
        let others: Vec<usize> = (0..self.sessions.len())
            .filter(|other| *other != session && Some(*other) != self.overlapping)
            .collect();
        if others.is_empty() {
            return ("select 1 / 0;".to_owned(), Effect::Nothing);
        }
        let waiting = others.iter().copied().find(|&other| !self.sessions[other].is_free());
        let other = waiting.unwrap_or_else(|| others[self.rng.random_range(0..others.len())]);
        let sql = format!(
            "select {function}(pid), pg_sleep({}) from people where name = 's{}';",
            // An idle session needs time to hear of it before it is given its next step.
            if waiting.is_some() { "0" } else { "0.05" },
            other + 1
        );
        (sql, Effect::Release(other))
    }

    fn apply(&mut self, session: usize, effect: Effect) {
        match effect {
            Effect::Begin => self.sessions[session].is_in_transaction = true,
            Effect::End => {
                self.sessions[session].end();
                self.grant();
            }
            Effect::Lock(key) => {
                self.sessions[session].wants = Some(key);
                self.grant();
            }
            Effect::Release(other) => {
                self.sessions[other].wants = None;
                self.sessions[other].end();
                self.grant();
            }
            Effect::Nothing => {}
        }
    }

    /// Gives every session the lock that it waits for, if nobody else holds it.
    fn grant(&mut self) {
        for session in 0..self.sessions.len() {
            let Some(key) = self.sessions[session].wants.clone() else { continue };
            let is_held =
                |(other, it): (usize, &Session)| other != session && it.holds.contains(&key);
            if !self.sessions.iter().enumerate().any(is_held) {
                let session = &mut self.sessions[session];
                session.wants = None;
                if session.is_in_transaction {
                    session.holds.push(key);
                }
            }
        }
    }

    fn render(&self, permutations: &[String]) -> String {
        let mut text = SETUP.to_owned();
        for (session, number) in self.sessions.iter().zip(1..) {
            let _ = write!(text, "\nsession s{number}\nsetup {{ {} }}\n", session.setup);
            for (sql, name) in &session.steps {
                let _ = writeln!(text, "step {name} {{ {sql} }}");
            }
            if session.steps.is_empty() {
                let _ = writeln!(text, "step s{number}_idle {{ select 1; }}");
            }
            text.push_str("teardown { rollback; unlisten *; }\n");
        }
        text.push('\n');
        for order in permutations {
            let _ = writeln!(text, "permutation{order}");
        }
        text
    }
}

fn lock(what: &str, number: i32) -> Effect {
    Effect::Lock(format!("{what} {number}"))
}
