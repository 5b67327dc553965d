//! Runs on a real server: the first scenario, refusals, replay, what happens to a lost server.

use std::sync::Arc;
use std::time::Duration;

use overbooked::engine::postgres::ClusterOptions;
use overbooked::event::{Event, Kind, SessionName, WaitTarget};
use overbooked::run::venues::Venues;
use overbooked::run::{Command, Production, Report, Run};
use overbooked::scenario::{EngineKind, library};

/// A run with everything that it has told so far.
struct Watched {
    run: Run,
    log: Vec<Report>,
}

impl Watched {
    fn open(venues: &Venues, scenario: &str) -> Self {
        let scenario = Arc::new(library::open(scenario).unwrap());
        let schedule = Arc::new(scenario.schedules.first());
        let production =
            Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None };
        Self { run: Run::start(venues.clone(), production), log: Vec::new() }
    }

    fn send(&self, command: Command) {
        self.run.commands.send(command).unwrap();
    }

    /// Takes reports until one is what is waited for; gives all that came since.
    async fn until(&mut self, is_it: impl Fn(&Report) -> bool) -> Vec<Report> {
        let from = self.log.len();
        let found = async {
            loop {
                let report = self.run.reports.recv().await.expect("the run goes on");
                let found = is_it(&report);
                self.log.push(report);
                if found {
                    return;
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), found).await.is_err() {
            panic!("it did not happen; what did: {:#?}", &self.log[from..]);
        }
        self.log[from..].to_vec()
    }

    async fn until_quiet(&mut self) -> Vec<Report> {
        self.until(|report| matches!(report, Report::Event(Event { kind: Kind::Quiet, .. }))).await
    }

    async fn play(&mut self, steps: usize) -> Vec<Report> {
        let mut last = Vec::new();
        for _ in 0..steps {
            self.send(Command::Step);
            last = self.until_quiet().await;
        }
        last
    }
}

fn private_server() -> Venues {
    Venues::embedded(ClusterOptions::default())
}

fn tags_of<'a>(reports: &'a [Report], name: &str) -> Vec<&'a str> {
    let of = SessionName::new(name);
    let tag =
        |report: &'a Report| match report {
            Report::Event(Event {
                session: Some(session), kind: Kind::Done { tag, .. }, ..
            }) if *session == of => Some(tag.as_str()),
            _ => None,
        };
    reports.iter().filter_map(tag).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mallory_waits_for_bob_and_then_finds_the_seat_taken() {
    let venues = private_server();
    let mut run = Watched::open(&venues, "adjacent-seats");
    run.until_quiet().await;
    let waits = run.play(7).await;
    let wait = waits.iter().find_map(|report| match report {
        Report::Event(Event { kind: Kind::Waiting(wait), .. }) => Some(wait.clone()),
        _ => None,
    });
    let wait = wait.expect("Mallory waits");
    assert_eq!(wait.blockers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Bob"]);
    assert!(matches!(&wait.target, WaitTarget::Row { key: Some(key), .. } if key == "A-4"));
    let books = run.play(1).await;
    assert_eq!(tags_of(&books, "Bob"), ["UPDATE 1"]);
    run.play(2).await;
    let end = run.play(1).await;
    assert_eq!(tags_of(&end, "Mallory"), ["UPDATE 0"]);
    run.run.end().await;
    venues.stop().await.unwrap();
}
