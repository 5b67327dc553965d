//! Random orders of two bookers through the debugger: each statement is held and let go when a
//! random schedule says so. The same statements in the same order, played as a scenario, read the
//! same rows, are refused with the same SQLSTATEs and leave the same in the tables.

mod booker;
mod stage;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use overbooked::core::event::{Event, Kind};
use overbooked::core::scenario::{EngineKind, sql_file};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, play};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use crate::support::Database;
use booker::{Booker, NAMES};
use stage::Stage;

const TABLES: &str = "create table seats (seat int primary key, free int);
insert into seats values (1, 1);
create table bookings (seat int, who text);
create table claims (seat int primary key, who text);
";

/// What the tables hold, in one value.
const LOOK: &str = "select format('booked %s, free %s, claimed %s', \
    (select string_agg(who, '+' order by who) from bookings), (select free from seats), \
    (select who from claims))";

const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    /// What each was answered, in short: rows and counts, or `!` and the SQLSTATE.
    answers: [Vec<String>; 2],
    tables: String,
}

/// Who sent what, one after the other.
type Turns = Vec<(usize, String)>;

/// What `play` says of each order that it was asked for.
struct Plays {
    engines: Engines,
    known: HashMap<String, Verdict>,
}

impl Plays {
    async fn verdict(&mut self, turns: &Turns) -> Verdict {
        let scenario = scenario(turns);
        if let Some(verdict) = self.known.get(&scenario) {
            return verdict.clone();
        }
        let verdict = self.play(&scenario).await;
        self.known.insert(scenario, verdict.clone());
        verdict
    }

    async fn play(&self, text: &str) -> Verdict {
        let scenario = Arc::new(sql_file::parse(text, Path::new("order.sql"), "order").unwrap());
        let schedule = Arc::new(scenario.schedules.first());
        let production =
            Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None };
        let patience = Patience::with_steps(STEP_TIMEOUT);
        let played = play(&self.engines, production, patience, &CancellationToken::new()).await;
        let played = played.unwrap();
        // A step that waits is no breach here: nothing is expected of any.
        assert_eq!(played.stop, None, "{text}");
        let mut answers = NAMES.map(|name| told(&played.events, name));
        let tables = answers[0].pop().unwrap();
        Verdict { answers, tables }
    }
}

/// The order as a scenario's steps, and a last one that looks.
fn scenario(turns: &Turns) -> String {
    let step = |(who, sql): &(usize, String)| format!("\n-- {}: step\n{sql};\n", NAMES[*who]);
    let steps: String = turns.iter().map(step).collect();
    let names = NAMES.join(", ");
    format!("-- An order\n--\n-- sessions: {names}\n\n-- setup\n{TABLES}{steps}")
        + &step(&(0, LOOK.to_owned()))
}

/// What a session was answered, statement by statement.
fn told(events: &[Event], name: &str) -> Vec<String> {
    let (mut answers, mut rows) = (Vec::new(), Vec::new());
    let own = |event: &&Event| event.session.as_ref().is_some_and(|it| it.as_str() == name);
    for event in events.iter().filter(own).skip_while(|event| !is_step(&event.kind)) {
        match &event.kind {
            Kind::Rows(more) => {
                rows.extend(more.iter().map(|row| row[0].clone().unwrap_or_default()));
            }
            Kind::Done { tag, .. } => {
                let count = tag.rsplit(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
                answers.push(in_short(&std::mem::take(&mut rows), count));
            }
            Kind::Failed(error) => {
                rows.clear();
                answers.push(format!("!{}", error.code));
            }
            _ => {}
        }
    }
    answers
}

fn is_step(kind: &Kind) -> bool {
    matches!(kind, Kind::Sent { step: Some(_), .. })
}

fn in_short(rows: &[String], count: u64) -> String {
    format!("{} ({count})", rows.join(";"))
}

/// What was seen of all orders together: a test in which nobody is ever in anybody's way says
/// nothing.
#[derive(Default)]
struct Seen {
    sold_twice: usize,
    sold_once: usize,
    refused: usize,
    waited: usize,
}

impl Seen {
    fn note(&mut self, verdict: &Verdict, waits: usize) {
        self.sold_twice += usize::from(verdict.tables.starts_with("booked Alice+Bob"));
        self.sold_once += usize::from(!verdict.tables.contains('+'));
        let mut answers = verdict.answers.iter().flatten();
        self.refused += usize::from(answers.any(|answer| answer == "!40001"));
        self.waited += usize::from(waits > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_order_ends_as_play_says_it_does() {
    let wanted = std::env::var("OVERBOOKED_SCHEDULES").map_or(60, |text| text.parse().unwrap());
    let stage = Stage::start().await;
    let database = Database::create().await;
    let mut plays = Plays { engines: Engines::at(database.target()), known: HashMap::new() };
    let mut seen = Seen::default();
    for seed in 0..wanted {
        let mut random = StdRng::seed_from_u64(seed);
        let bookers = NAMES.map(|name| Booker::any(name, &mut random));
        let held = stage.play(&bookers, &mut random).await;
        let expected = plays.verdict(&held.turns).await;
        assert_eq!(held.verdict, expected, "seed {seed}: {bookers:?}\n{:#?}", held.turns);
        seen.note(&held.verdict, held.waits);
    }
    let Seen { sold_twice, sold_once, refused, waited } = seen;
    println!(
        "{wanted} schedules, {} orders: sold twice {sold_twice}, once or never {sold_once}, \
         refused {refused}, waited {waited}",
        plays.known.len()
    );
    assert!([sold_twice, sold_once, refused, waited].iter().all(|count| *count > 0));
}
