//! What a run has committed outside its own schema: going back does not undo it, and playing it
//! again does it again.
//!
//! A fold over the same events as everything else. What a transaction has changed lasts once it has
//! ended in a COMMIT; where that is not known, it may have, and counts.
//!
//! A sequence is never set back: what a statement calls `nextval` or `setval` on lasts even if its
//! transaction is rolled back. That a rolled back INSERT has taken numbers for a serial or identity
//! column is not told: the table is as it was, and gaps between numbers mean nothing in PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::core::event::{Event, Kind, SessionName, TransactionStatus};
use crate::core::scenario::{Scenario, Schedule, SearchPath};
use crate::core::syntax::{self, Made, Reach, Strings, Verb, Word};

/// Which part of a scenario did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The setup, the scenario's or a session's.
    Setup,
    /// The step at this place of the schedule.
    Step(usize),
    /// The look at the end.
    Finally,
}

/// A part of the scenario whose effects outlast the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    pub part: Part,
    /// Whose step or setup it is, if it is a session's.
    pub session: Option<SessionName>,
    /// What it has changed, by name: `public.accounts`.
    pub changed: BTreeSet<String>,
    /// The sequences that it has advanced or set, by name; no rollback takes that back.
    pub sequences: BTreeSet<String>,
    /// What it has done of which its text does not tell what that changes.
    pub doubts: BTreeSet<String>,
}

/// `step 3 (Alice): public.accounts`.
impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Setup => f.write_str("the setup")?,
            Part::Step(step) => write!(f, "step {}", step + 1)?,
            Part::Finally => f.write_str("the look at the end")?,
        }
        if let Some(session) = &self.session {
            write!(f, " ({session})")?;
        }
        let changed = self.changed.iter().cloned();
        let doubts = self.doubts.iter().map(|doubt| format!("perhaps more: it {doubt}"));
        let sequences = self.sequences.iter();
        let sequences =
            sequences.map(|name| format!("{name} (a rollback does not reset a sequence)"));
        write!(f, ": {}", changed.chain(sequences).chain(doubts).collect::<Vec<_>>().join(", "))
    }
}

impl Lasting {
    /// What of it lasts even if its transaction is rolled back.
    fn at_once(&self) -> Option<Self> {
        let advanced = Self { changed: BTreeSet::new(), doubts: BTreeSet::new(), ..self.clone() };
        Some(advanced).filter(|advanced| !advanced.sequences.is_empty())
    }
}

/// The parts of a run that last, by what its sessions have said so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    lasting: Vec<Lasting>,
    sessions: BTreeMap<Option<SessionName>, Tally>,
    /// Whether a routine of this run reaches outside: whoever calls one, or fires a trigger, may do
    /// so too.
    has_far_routines: bool,
    home: Home,
    /// The tables, views and sequences that the run has made, by unqualified names.
    made: BTreeSet<String>,
    /// The routines that it has made so.
    routines: BTreeSet<String>,
}

/// Where the run's own schema stands on its `search_path`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Home {
    /// There is no other.
    #[default]
    Alone,
    /// In front of others, in which a name that the run has not made itself may be found.
    First,
    /// Behind another one, in which what the run makes is made.
    Behind,
    /// The run has none, so that no name is the run's.
    Nowhere,
}

impl Home {
    fn of(path: &SearchPath) -> Self {
        let mut written = path.written().iter().filter(|it| !it.starts_with("pg_"));
        match (written.next(), written.next()) {
            _ if !path.has_a_schema_of_the_run() => Self::Nowhere,
            (None, _) => Self::Alone,
            (Some(first), _) if first != "run" => Self::Behind,
            (Some(_), None) => Self::Alone,
            (Some(_), Some(_)) => Self::First,
        }
    }

    fn is_shared(self) -> bool {
        matches!(self, Self::First | Self::Behind)
    }
}

/// What one session has done that is not committed yet.
#[derive(Debug, Default)]
struct Tally {
    /// Whether unqualified names may be somebody else's.
    has_moved: bool,
    strings: Strings,
    prepared: BTreeMap<String, Reach>,
    /// What it has made that a rollback would take away.
    made: Vec<Made>,
    in_flight: Vec<Lasting>,
    open: Vec<Lasting>,
    /// What lasts of what is in flight, whatever becomes of its transaction.
    at_once: Option<Lasting>,
    outcome: Outcome,
}

/// What the answers to a submission say of its transaction so far.
#[derive(Debug, Default, PartialEq, Eq)]
enum Outcome {
    /// It is committed if it is not open.
    #[default]
    Fine,
    /// It failed, or was rolled back.
    Undone,
    /// A COMMIT has succeeded.
    Committed,
}

/// What of a scenario would last if all of it were committed.
pub fn lasting_of(scenario: &Scenario, schedule: &Schedule) -> Vec<Lasting> {
    let mut ledger = Ledger::of(&scenario.search_path);
    scenario.setup.iter().for_each(|statement| ledger.set_up(statement));
    for player in &scenario.sessions {
        let setup = player.setup.as_deref().unwrap_or_default();
        let did = ledger.did(Some(&player.name), Part::Setup, setup);
        ledger.keep(did);
    }
    for (place, launch) in schedule.launches.iter().enumerate() {
        let step = &scenario.steps[launch.step];
        let did = ledger.did(Some(&step.session), Part::Step(place), &step.sql);
        ledger.keep(did);
    }
    ledger.lasting
}

impl Ledger {
    /// Of a run whose unqualified names are looked for there.
    pub(crate) fn of(path: &SearchPath) -> Self {
        Self { home: Home::of(path), ..Self::default() }
    }

    /// What lasts, in the order of the scenario.
    pub(crate) fn lasting(&self) -> &[Lasting] {
        &self.lasting
    }

    /// Takes in a statement of the setup, which is about to be sent.
    pub(crate) fn set_up(&mut self, sql: &str) {
        let did = self.did(None, Part::Setup, sql);
        self.keep(did);
    }

    /// Takes in an event; whether more lasts than before. Until the last setup has been played,
    /// what sessions send is part of it.
    pub(crate) fn apply(&mut self, event: &Event, is_set_up: bool) -> bool {
        if let Some(strings) = event.kind.strings() {
            self.tally(event.session.as_ref()).strings = strings;
        }
        match &event.kind {
            Kind::Sent { sql, step, .. } => {
                self.sent(event.session.as_ref(), sql, *step, is_set_up);
            }
            Kind::Done { tag, .. } => {
                if tag == "ROLLBACK" {
                    self.unmake(event.session.as_ref());
                }
                self.tally(event.session.as_ref()).done(tag);
            }
            Kind::Failed(_) => {
                self.unmake(event.session.as_ref());
                self.tally(event.session.as_ref()).undo();
            }
            Kind::Ready { status, .. } => {
                let committed = self.tally(event.session.as_ref()).ready(*status);
                return self.keep(committed);
            }
            Kind::Lost { .. } => {
                self.unmake(event.session.as_ref());
                // An open block is rolled back with its connection; of what was in flight nobody
                // knows.
                let lost = std::mem::take(self.tally(event.session.as_ref()));
                // Whatever became of the transaction: numbers that it took from a sequence are
                // gone.
                let more = self.keep(lost.at_once);
                if lost.open.is_empty() || lost.outcome == Outcome::Committed {
                    return self.keep(lost.in_flight) || more;
                }
                return more;
            }
            _ => {}
        }
        false
    }

    fn tally(&mut self, session: Option<&SessionName>) -> &mut Tally {
        self.sessions.entry(session.cloned()).or_default()
    }

    /// What this session has made since its last commit is gone, or may be.
    fn unmake(&mut self, session: Option<&SessionName>) {
        for made in std::mem::take(&mut self.tally(session).made) {
            self.forget(made.name());
        }
    }

    fn forget(&mut self, name: &str) {
        self.made.remove(name);
        self.routines.remove(name);
    }

    fn sent(
        &mut self,
        session: Option<&SessionName>,
        sql: &str,
        step: Option<usize>,
        is_set_up: bool,
    ) {
        let part = match (step, session) {
            (Some(step), _) => Some(Part::Step(step)),
            (None, Some(_)) if !is_set_up => Some(Part::Setup),
            (None, Some(_)) => None,
            (None, None) => Some(Part::Finally),
        };
        // What is typed is never sent again, but it may move the session or end its transaction.
        let did = self.did(session, part.unwrap_or(Part::Setup), sql);
        let tally = self.tally(session);
        tally.outcome = Outcome::Fine;
        tally.at_once = did.as_ref().filter(|_| part.is_some()).and_then(Lasting::at_once);
        tally.in_flight = did.into_iter().filter(|_| part.is_some()).collect();
    }

    /// What these statements do outside, if they do anything there.
    fn did(&mut self, session: Option<&SessionName>, part: Part, sql: &str) -> Option<Lasting> {
        let mut did = Lasting {
            part,
            session: session.cloned(),
            changed: BTreeSet::new(),
            sequences: BTreeSet::new(),
            doubts: BTreeSet::new(),
        };
        let strings = self.tally(session).strings;
        for statement in syntax::split(sql, strings) {
            let reach = self.reach(session, &syntax::words(statement.text, strings));
            did.changed.extend(reach.outside);
            did.sequences.extend(reach.sequences);
            did.doubts.extend(reach.doubts);
        }
        let is_anything =
            !did.changed.is_empty() || !did.sequences.is_empty() || !did.doubts.is_empty();
        is_anything.then_some(did)
    }

    /// What one statement changes, by its text and by what its session has done before.
    fn reach(&mut self, session: Option<&SessionName>, statement: &[Word]) -> Reach {
        let mut reach = syntax::reach(statement);
        let verb = syntax::verb(statement);
        let tally = self.sessions.entry(session.cloned()).or_default();
        tally.has_moved |= reach.moves;
        // Every session begins on the run's own search_path, so an unqualified name is taken for
        // the run's until the session changes that; from then on nobody knows whose it is.
        if self.home == Home::Nowhere {
            reach.outside.append(&mut reach.unqualified);
        } else if tally.has_moved {
            let moved = std::mem::take(&mut reach.unqualified);
            let doubt = |name| format!("changes {name} on a search_path that was changed");
            reach.doubts.extend(moved.into_iter().map(doubt));
        } else {
            self.judge(&mut reach);
        }
        self.judge_calls(session, &mut reach);
        self.note_made(session, statement, &reach);
        let has_moved = self.tally(session).has_moved;
        let tally = self.sessions.entry(session.cloned()).or_default();
        match verb {
            // PREPARE executes nothing: what it reaches counts each time that it is executed.
            Verb::Prepare => {
                tally.prepared.insert(name_of(statement), std::mem::take(&mut reach));
            }
            Verb::Execute => match tally.prepared.get(&name_of(statement)) {
                Some(prepared) => reach = prepared.clone(),
                None => drop(reach.doubts.insert("executes what was prepared elsewhere".into())),
            },
            // To store a body changes nothing yet. Where it reaches outside it is the later
            // statements that are in doubt, since they may call it.
            _ if let Some(routine) = reach.routine.take() => {
                let is_anybodys = |name: &String| {
                    has_moved
                        || self.home == Home::Nowhere
                        || (self.home.is_shared() && !self.made.contains(name))
                };
                let is_far = routine.unqualified.iter().any(is_anybodys)
                    || routine.calls.iter().any(|name| self.is_anybodys(name, has_moved));
                self.has_far_routines |= is_far || !routine.is_within();
            }
            _ if self.has_far_routines && (verb.is_dml() || verb == Verb::Call) => {
                let doubt = "may call a routine that changes something outside";
                reach.doubts.insert(doubt.to_owned());
            }
            _ => {}
        }
        reach
    }

    /// What an unqualified name may be found to be on the run's own `search_path`.
    fn judge(&self, reach: &mut Reach) {
        let own = reach.makes.as_ref().filter(|_| self.home != Home::Behind).map(Made::name);
        let is_elsewhere = |name: &&String| {
            self.home.is_shared() && !self.made.contains(*name) && Some(name.as_str()) != own
        };
        let elsewhere = reach.unqualified.iter().filter(is_elsewhere);
        let doubt = |name| format!("changes {name}, which the search-path may find elsewhere");
        reach.doubts.extend(elsewhere.map(doubt));
        reach.sequences.retain(|name| {
            name.contains('.') || (self.home.is_shared() && !self.has_made_sequence(name))
        });
    }

    /// Whether the run has made it, or the table whose serial or identity column it numbers.
    fn has_made_sequence(&self, name: &str) -> bool {
        let numbers = |table: &String| {
            let column = name.strip_prefix(table.as_str()).and_then(|rest| rest.strip_prefix('_'));
            column.is_some_and(|column| column.ends_with("_seq"))
        };
        self.made.contains(name) || self.made.iter().any(numbers)
    }

    /// Whether a routine that is called by this name may be another one than the run's.
    fn is_anybodys(&self, routine: &str, has_moved: bool) -> bool {
        has_moved
            || ((self.home == Home::Nowhere || self.home.is_shared())
                && !self.routines.contains(routine))
    }

    fn judge_calls(&mut self, session: Option<&SessionName>, reach: &mut Reach) {
        let has_moved = self.tally(session).has_moved;
        let calls = std::mem::take(&mut reach.calls);
        let doubts = calls.into_iter().filter(|name| self.is_anybodys(name, has_moved));
        let where_from = match () {
            () if self.home == Home::Nowhere => "",
            () if has_moved => " on a search_path that was changed",
            () => ", which the search-path may find elsewhere",
        };
        reach.doubts.extend(doubts.map(|name| format!("calls {name}(){where_from}")));
    }

    /// Keeps what the run has made, and forgets what it drops or calls by another name.
    fn note_made(&mut self, session: Option<&SessionName>, statement: &[Word], reach: &Reach) {
        let is_gone = match statement.first().map(|word| word.text.as_str()) {
            Some("drop") => true,
            // `rename to u`, `set schema public`; `rename column a to b` changes no name.
            Some("alter") => statement.windows(2).any(|words| {
                (words[0].is("rename") && words[1].is("to"))
                    || (words[0].is("set") && words[1].is("schema"))
            }),
            _ => false,
        };
        if is_gone {
            let gone = reach.unqualified.iter().chain(&reach.outside);
            gone.for_each(|name| self.forget(name));
        }
        let Some(made) = &reach.makes else { return };
        let has_moved = self.tally(session).has_moved;
        let is_new = match made {
            Made::Routine(name) if self.home != Home::Behind && !has_moved => {
                self.routines.insert(name.clone())
            }
            Made::Relation(name)
                if self.home != Home::Behind && !has_moved && self.home != Home::Nowhere =>
            {
                self.made.insert(name.clone())
            }
            _ => false,
        };
        if is_new {
            self.tally(session).made.push(made.clone());
        }
    }

    /// Adds to what lasts; whether it is more than before.
    fn keep(&mut self, done: impl IntoIterator<Item = Lasting>) -> bool {
        let size = |lasting: &[Lasting]| -> usize {
            let parts = |known: &Lasting| {
                1 + known.changed.len() + known.sequences.len() + known.doubts.len()
            };
            lasting.iter().map(parts).sum()
        };
        let before = size(&self.lasting);
        for did in done {
            let is_same =
                |known: &&mut Lasting| (known.part, &known.session) == (did.part, &did.session);
            match self.lasting.iter_mut().find(is_same) {
                Some(known) => {
                    known.changed.extend(did.changed);
                    known.sequences.extend(did.sequences);
                    known.doubts.extend(did.doubts);
                }
                None => self.lasting.push(did),
            }
        }
        // A step that waits is committed after later ones; whoever reads the list looks for it in
        // the order of the schedule.
        self.lasting.sort_by_key(|known| known.part);
        size(&self.lasting) > before
    }
}

impl Tally {
    fn done(&mut self, tag: &str) {
        match tag {
            // A prepared transaction outlives the session; somebody may still roll it back, but the
            // run does not know, and what is not known counts.
            "COMMIT" | "PREPARE TRANSACTION" => self.outcome = Outcome::Committed,
            "ROLLBACK" => self.undo(),
            // What follows a ROLLBACK in one message is a transaction of its own.
            _ if self.outcome == Outcome::Undone => self.outcome = Outcome::Fine,
            _ => {}
        }
    }

    fn undo(&mut self) {
        // What has been committed in the same message stays so, whatever fails behind it.
        if self.outcome == Outcome::Fine {
            self.outcome = Outcome::Undone;
        }
    }

    /// What lasts now that the session is ready again: what is committed, and what no rollback
    /// takes back.
    fn ready(&mut self, status: TransactionStatus) -> Vec<Lasting> {
        let mut lasting = Vec::from_iter(self.at_once.take());
        self.open.append(&mut self.in_flight);
        if status == TransactionStatus::Idle {
            self.made.clear();
        }
        // After COMMIT AND CHAIN, or `commit; begin` in one message, a transaction is open, and yet
        // another one has ended.
        if status == TransactionStatus::Idle || self.outcome == Outcome::Committed {
            let ended = std::mem::take(&mut self.open);
            lasting.extend(ended.into_iter().filter(|_| self.outcome != Outcome::Undone));
        }
        lasting
    }
}

/// The name in PREPARE or EXECUTE.
fn name_of(statement: &[Word]) -> String {
    statement.get(1).and_then(Word::name).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::event::{Pid, ServerMessage, SubmissionId};
    use TransactionStatus::{Failed, Idle, InTransaction};

    fn event(kind: Kind) -> Event {
        Event { at: Duration::ZERO, session: Some(SessionName::new("Alice")), kind }
    }

    fn sent(sql: &str, step: Option<usize>) -> Kind {
        Kind::Sent { submission: SubmissionId(1), sql: sql.into(), step, typed: None }
    }

    fn done(tag: &str) -> Kind {
        Kind::Done { tag: tag.to_owned(), rows: 0 }
    }

    fn ready(status: TransactionStatus) -> Kind {
        Kind::Ready { submission: SubmissionId(1), status, elapsed: Duration::ZERO }
    }

    /// What lasts after these statements of Alice's, each with its tag and the status after it.
    fn played(played: &[(&str, &str, TransactionStatus)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (step, (sql, tag, status)) in played.iter().enumerate() {
            ledger.apply(&event(sent(sql, Some(step))), true);
            let answer = match *tag {
                "ERROR" => Kind::Failed(ServerMessage::default()),
                tag => done(tag),
            };
            ledger.apply(&event(answer), true);
            ledger.apply(&event(ready(*status)), true);
        }
        ledger
    }

    fn steps_and_words(statements: &[(&str, &str, TransactionStatus)]) -> String {
        let lasting: Vec<_> =
            played(statements).lasting().iter().map(ToString::to_string).collect();
        lasting.join("\n")
    }

    /// The steps that last.
    fn steps(statements: &[(&str, &str, TransactionStatus)]) -> Vec<usize> {
        let step = |lasting: &Lasting| match lasting.part {
            Part::Step(step) => step,
            part => panic!("{part:?}"),
        };
        played(statements).lasting().iter().map(step).collect()
    }

    const UPDATE: &str = "update public.accounts set a = 1";

    #[test]
    fn what_is_committed_lasts_and_what_is_rolled_back_does_not() {
        assert_eq!(steps(&[(UPDATE, "UPDATE 1", Idle)]), [0]);
        assert!(steps(&[(UPDATE, "ERROR", Idle)]).is_empty());
        let begun = ("begin", "BEGIN", InTransaction);
        let changed = (UPDATE, "UPDATE 1", InTransaction);
        assert!(steps(&[begun, changed]).is_empty());
        assert_eq!(steps(&[begun, changed, ("commit", "COMMIT", Idle)]), [1]);
        assert!(steps(&[begun, changed, ("rollback", "ROLLBACK", Idle)]).is_empty());
        let failed = ("select 1/0", "ERROR", Failed);
        assert!(steps(&[begun, changed, failed, ("commit", "ROLLBACK", Idle)]).is_empty());
        let to = ("rollback to a", "ROLLBACK", InTransaction);
        assert_eq!(steps(&[begun, changed, to, ("commit", "COMMIT", Idle)]), [1]);
        let prepared = ("prepare transaction 'x'", "PREPARE TRANSACTION", Idle);
        assert_eq!(steps(&[begun, changed, prepared]), [1]);
        let chained = ("commit and chain", "COMMIT", InTransaction);
        assert_eq!(steps(&[begun, changed, chained]), [1]);
    }

    #[test]
    fn a_sequence_stays_advanced_whatever_becomes_of_the_transaction() {
        let begun = ("begin", "BEGIN", InTransaction);
        let advanced = ("select nextval('public.s')", "SELECT 1", InTransaction);
        let rolled_back = ("rollback", "ROLLBACK", Idle);
        assert_eq!(steps(&[begun, advanced]), [1]);
        assert_eq!(steps(&[begun, advanced, rolled_back]), [1]);
        assert_eq!(steps(&[("select nextval('public.s') / 0", "ERROR", Idle)]), [0]);
        assert_eq!(steps(&[("select setval('public.s', 1)", "SELECT 1", Idle)]), [0]);
        let ours = ("select nextval('s')", "SELECT 1", Idle);
        assert!(steps(&[ours]).is_empty());
        assert_eq!(steps(&[("set search_path = public", "SET", Idle), ours]), [1]);
        let inserted = ("insert into public.t values (nextval('app.s'))", "INSERT 0 1", Idle);
        let both = steps_and_words(&[inserted]);
        assert_eq!(both, "step 1 (Alice): public.t, app.s (a rollback does not reset a sequence)");
    }

    #[test]
    fn what_a_session_has_done_before_decides_what_a_name_means() {
        let ours = ("update t set a = 1", "UPDATE 1", Idle);
        assert!(steps(&[ours]).is_empty());
        assert_eq!(steps(&[("set search_path = public", "SET", Idle), ours]), [1]);
        let execute = ("execute p (1)", "UPDATE 1", Idle);
        assert_eq!(
            steps(&[("prepare p as update public.t set a = $1", "PREPARE", Idle), execute]),
            [1]
        );
        assert!(
            steps(&[("prepare p as update t set a = $1", "PREPARE", Idle), execute]).is_empty()
        );
        let routine = "create function f() returns void language sql as 'delete from public.t'";
        let call = ("select f()", "SELECT 1", Idle);
        assert_eq!(steps(&[(routine, "CREATE FUNCTION", Idle), call]), [1]);
    }

    #[test]
    fn what_was_in_flight_when_a_connection_was_lost_may_have_been_committed() {
        let lost = Kind::Lost { reason: String::new(), in_transaction: false };
        let mut ledger = Ledger::default();
        ledger.apply(&event(Kind::Connected { pid: Pid(1) }), true);
        ledger.apply(&event(sent(UPDATE, Some(3))), true);
        assert!(ledger.apply(&event(lost), true));
        assert_eq!(ledger.lasting()[0].part, Part::Step(3));
    }

    #[test]
    fn what_a_wider_search_path_may_find_elsewhere_lasts_unless_the_run_has_made_it() {
        let path = SearchPath::listed(vec!["run".to_owned(), "public".to_owned()]);
        let mut ledger = Ledger::of(&path);
        ledger.set_up("create table ours (a int)");
        for table in ["ours", "theirs"] {
            let sql = format!("update {table} set a = 1");
            ledger.apply(&event(sent(&sql, Some(0))), true);
            ledger.apply(&event(done("UPDATE 1")), true);
            ledger.apply(&event(ready(Idle)), true);
        }
        let lasting: Vec<_> = ledger.lasting().iter().map(ToString::to_string).collect();
        let words = "step 1 (Alice): perhaps more: it changes theirs, which the search-path may \
                     find elsewhere";
        assert_eq!(lasting, [words]);
    }

    /// What lasts on the path `run, public` after this setup and these statements, one a step.
    fn on_a_wider_path(setup: &[&str], steps: &[(&str, &str)]) -> Vec<String> {
        let path = SearchPath::listed(vec!["run".to_owned(), "public".to_owned()]);
        let mut ledger = Ledger::of(&path);
        for sql in setup {
            ledger.set_up(sql);
        }
        for (step, (sql, tag)) in steps.iter().enumerate() {
            ledger.apply(&event(sent(sql, Some(step))), true);
            ledger.apply(&event(done(tag)), true);
            ledger.apply(&event(ready(Idle)), true);
        }
        ledger.lasting().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_call_of_a_routine_that_the_run_has_not_made_is_doubted() {
        let path = "which the search-path may find elsewhere";
        let called = on_a_wider_path(
            &[],
            &[
                ("call transfer(1, 2)", "CALL"),
                ("select book_seat(4), now()", "SELECT 1"),
                ("select count(*) from seats", "SELECT 1"),
            ],
        );
        assert_eq!(
            called,
            [
                format!("step 1 (Alice): perhaps more: it calls transfer(), {path}"),
                format!("step 2 (Alice): perhaps more: it calls book_seat(), {path}"),
            ]
        );
        let own = "create function book_seat(a int) returns int language sql as 'select 1'";
        assert!(on_a_wider_path(&[own], &[("select book_seat(4)", "SELECT 1")]).is_empty());
        let through = "create function book(a int) returns void language sql as 'select other()'";
        assert_eq!(on_a_wider_path(&[through], &[("select book(4)", "SELECT 1")]).len(), 1);

        let mut ledger = Ledger::of(&SearchPath::Server);
        ledger.set_up("select pay(1)");
        let lasting: Vec<_> = ledger.lasting().iter().map(ToString::to_string).collect();
        assert_eq!(lasting, ["the setup: perhaps more: it calls pay()"]);
        let call = ("call transfer(1, 2)", "CALL", Idle);
        assert!(steps(&[call]).is_empty());
        assert_eq!(steps(&[("set search_path = public", "SET", Idle), call]), [1]);
    }

    #[test]
    fn what_an_index_a_trigger_or_a_rule_is_on_is_not_made_by_it() {
        let update = ("update t set a = 1", "UPDATE 1");
        let own = "create function f() returns trigger language plpgsql as 'begin return new; end'";
        for sql in [
            "create index i on t (a)",
            "create trigger g before update on t for each row execute function f()",
            "create rule r as on update to t do instead nothing",
        ] {
            let lasting = on_a_wider_path(&[own, sql], &[update]);
            assert_eq!(lasting.len(), 2, "{sql}: {lasting:?}");
            assert!(lasting.iter().all(|it| it.contains("changes t, which")), "{lasting:?}");
            let made = ["create table t (a int)", own, sql];
            assert!(on_a_wider_path(&made, &[update]).is_empty(), "{sql}");
        }
    }

    #[test]
    fn what_is_dropped_renamed_or_rolled_back_is_the_runs_no_more() {
        let update = ("update t set a = 1", "UPDATE 1");
        let create = "create table t (a int)";
        assert!(on_a_wider_path(&[create], &[update]).is_empty());
        for sql in ["drop table t", "alter table t rename to u", "alter table t set schema pg_temp"]
        {
            assert_eq!(on_a_wider_path(&[create, sql], &[update]).len(), 1, "{sql}");
        }
        let renamed = "alter table t rename column a to b";
        assert!(on_a_wider_path(&[create, renamed], &[update]).is_empty());
        let undone = [(create, "CREATE TABLE"), update];
        assert!(on_a_wider_path(&[], &undone).is_empty());
        let undone = [("begin; create table t (a int); rollback", "ROLLBACK"), update];
        assert_eq!(on_a_wider_path(&[], &undone).len(), 1);
    }

    #[test]
    fn a_sequence_that_a_wider_search_path_may_find_elsewhere_stays_advanced() {
        let next = ("select nextval('orders_id_seq')", "SELECT 1");
        assert_eq!(on_a_wider_path(&[], &[next]).len(), 1);
        assert!(on_a_wider_path(&["create table orders (id serial)"], &[next]).is_empty());
        assert!(on_a_wider_path(&["create sequence orders_id_seq"], &[next]).is_empty());
    }

    #[test]
    fn without_a_schema_of_the_run_every_name_is_somebodys() {
        let mut ledger = Ledger::of(&SearchPath::Server);
        ledger.set_up("create table inventory (id int)");
        ledger.set_up("create function f() returns int language sql as 'select 1'");
        let lasting: Vec<_> = ledger.lasting().iter().map(ToString::to_string).collect();
        assert_eq!(lasting, ["the setup: f, inventory"]);
    }

    #[test]
    fn setups_are_sent_again_and_what_is_typed_is_not() {
        let mut ledger = Ledger::default();
        ledger.set_up("create table public.t (id int)");
        assert_eq!(ledger.lasting().iter().map(|l| l.part).collect::<Vec<_>>(), [Part::Setup]);
        for (is_set_up, lasting) in [(true, 1), (false, 2)] {
            ledger.apply(&event(sent(UPDATE, None)), is_set_up);
            ledger.apply(&event(done("UPDATE 1")), is_set_up);
            ledger.apply(&event(ready(Idle)), is_set_up);
            assert_eq!(ledger.lasting().len(), lasting);
        }
    }
}
