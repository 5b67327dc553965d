use std::sync::Arc;

use super::*;
use crate::core::event::{Pid, SubmissionId, TransactionStatus};
use crate::core::scenario::library;
use crate::stage::sample::{fresh as of_scenario, setting};
use crate::stage::watched::sample;

/// People before a stage.
struct Scene {
    people: People,
    stage: Stage,
    visitors: Vec<Visitor>,
    now: Duration,
}

impl Scene {
    fn new(names: &[&str]) -> Self {
        let (people, stage) = (People::default(), Stage::new(setting(), 120));
        let now = Duration::from_mins(1);
        let mut scene = Self { people, stage, visitors: Vec::new(), now };
        scene.hears(fresh());
        scene.shows(&[]);
        for name in names {
            let visitor = Visitor::new();
            scene.people.call(visitor, name, &scene.stage).unwrap();
            scene.visitors.push(visitor);
        }
        scene.orders(&Order::Booking);
        scene
    }

    fn orders(&mut self, order: &Order) {
        self.people.obey(order, &self.stage);
    }

    fn hears(&mut self, report: Report) {
        self.people.hear(&report, self.now);
        let _ = self.stage.apply(report, self.now);
    }

    fn happens(&mut self, name: &str, kind: Kind) {
        let session = (!name.is_empty()).then(|| SessionName::new(name));
        self.hears(Report::Event(Event { at: self.now, session, kind }));
    }

    /// The database says that these have these seats.
    fn shows(&mut self, holders: &[(&str, &str)]) {
        self.happens("", Kind::WatchedTables(Arc::new(sample::held_by(holders))));
    }

    fn press(&mut self, person: usize, key: &str) -> Result<(), Refusal> {
        self.people.press(self.visitors[person], key, &self.stage, self.now)
    }

    fn connects(&mut self, name: &str) {
        self.hears(Report::PersonJoined(SessionName::new(name)));
        self.happens(name, Kind::Connected { pid: Pid(9) });
    }

    fn answers(&mut self, name: &str, kind: Kind, status: TransactionStatus) {
        self.happens(name, kind);
        let (submission, elapsed) = (SubmissionId(1), Duration::ZERO);
        self.happens(name, Kind::Ready { submission, status, elapsed });
    }

    /// Looks at a free seat and thinks it over.
    fn looks(&mut self, name: &str) {
        self.connects(name);
        self.answers(name, done("BEGIN"), TransactionStatus::InTransaction);
        let row = Kind::Rows(vec![vec![None]]);
        self.answers(name, row, TransactionStatus::InTransaction);
    }

    fn takes(&mut self, name: &str) {
        self.answers(name, done("UPDATE 1"), TransactionStatus::InTransaction);
        self.answers(name, done("COMMIT"), TransactionStatus::Idle);
    }

    fn asked(&mut self) -> Vec<String> {
        let command = |command| match command {
            Command::AddPerson(name) => format!("add {name}"),
            Command::Submit { session, sql } => format!("{session}: {sql}"),
            Command::Close(name) => format!("close {name}"),
            other => format!("{other:?}"),
        };
        self.people.take_commands().into_iter().map(command).collect()
    }

    fn stands(&self, person: usize) -> String {
        self.people.present(&self.stage)[person].words.clone()
    }
}

fn fresh() -> Report {
    Report::Fresh(of_scenario(library::open(library::DEFAULT).unwrap()))
}

fn done(tag: &str) -> Kind {
    Kind::Done { tag: tag.to_owned(), rows: 0 }
}

#[test]
fn a_press_gets_a_session_thinks_and_is_committed() {
    let mut scene = Scene::new(&["Maria"]);
    scene.press(0, "A-4").unwrap();
    assert_eq!(scene.asked(), ["add Maria"]);
    scene.looks("Maria");
    let asked = scene.asked();
    assert_eq!(asked[0], "Maria: begin isolation level read committed;");
    assert!(asked[1].starts_with("Maria: select booked_by from seats"), "{asked:?}");
    assert_eq!(scene.stands(0), "thinks about A-4");
    let due = scene.people.due().unwrap();
    assert_eq!(due, scene.now + Duration::from_secs(3));
    scene.people.wake(due);
    assert!(scene.asked()[0].starts_with("Maria: update seats set booked_by = 'Maria'"));
    scene.takes("Maria");
    scene.shows(&[("A-4", "Maria")]);
    assert_eq!(scene.stands(0), "you have A-4");
    let board = scene.people.board(&scene.stage);
    assert_eq!((board.booked, board.sold_twice), (1, 0));
    assert_eq!(board.verdict, ["1 seat sold, none twice, by the database"]);
}

#[test]
fn a_seat_sold_twice_is_told_to_everybody_and_to_whoever_lost_it() {
    let mut scene = Scene::new(&["Maria", "Jonas"]);
    for (person, name) in ["Maria", "Jonas"].into_iter().enumerate() {
        scene.press(person, "A-4").unwrap();
        scene.looks(name);
    }
    scene.people.wake(scene.now + Duration::from_secs(3));
    scene.takes("Maria");
    scene.takes("Jonas");
    scene.shows(&[("A-4", "Jonas")]);
    let due = scene.people.due().unwrap();
    scene.people.wake(due);
    assert_eq!(scene.people.board(&scene.stage).sold_twice, 1);
    assert_eq!(scene.stands(0), "you were told to have A-4; the database says Jonas has it");
    assert_eq!(scene.stands(1), "you have A-4");
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut scene = Scene::new(&["Maria"]);
    assert_eq!(scene.press(0, "Z-99"), Err(Refusal::NoSeat));
    assert_eq!(scene.press(0, "A-4'; drop table seats; --"), Err(Refusal::NoSeat));
    let nobody = Visitor::new();
    let press = scene.people.press(nobody, "A-4", &scene.stage, scene.now);
    assert_eq!(press, Err(Refusal::Nameless));
    scene.press(0, "A-4").unwrap();
    assert_eq!(scene.press(0, "A-5"), Err(Refusal::Busy));
    scene.orders(&Order::Booking);
    scene.now += Duration::from_mins(1);
    assert_eq!(scene.press(0, "A-5"), Err(Refusal::Closed));
    let refused = (0..9).filter(|_| scene.press(0, "A-5") == Err(Refusal::TooFast)).count();
    assert!(refused > 3, "{refused}");
}

#[test]
fn names_are_had_once() {
    let mut scene = Scene::new(&["Maria"]);
    let mut call = |text: &str| scene.people.call(Visitor::new(), text, &scene.stage);
    for taken in ["maria", "MARIA", " Maria ", "Bob", "pause"] {
        assert!(matches!(call(taken), Err(Refusal::Taken(_))), "{taken}");
    }
    for number in 1..MOST_PEOPLE {
        call(&format!("p{number}")).unwrap();
    }
    assert_eq!(call("one-more"), Err(Refusal::Full));
}

#[test]
fn a_fresh_setup_begins_with_nothing_told_and_sessions_anew() {
    let mut scene = Scene::new(&["Maria"]);
    scene.press(0, "A-4").unwrap();
    scene.looks("Maria");
    scene.asked();
    scene.hears(fresh());
    assert_eq!(scene.press(0, "A-4"), Err(Refusal::NoMap), "it is being set up");
    scene.shows(&[]);
    assert_eq!((scene.people.due(), scene.stands(0)), (None, String::new()));
    scene.press(0, "A-4").unwrap();
    assert_eq!(scene.asked(), ["add Maria"]);
}

#[test]
fn a_run_that_lets_nobody_in_says_why() {
    let mut scene = Scene::new(&["Maria"]);
    scene.press(0, "A-4").unwrap();
    let why = "there is no room".to_owned();
    scene.hears(Report::Refused { session: Some(SessionName::new("Maria")), why });
    assert_eq!(scene.stands(0), "A-4: there is no room");
    scene.asked();
    scene.press(0, "A-4").unwrap();
    assert_eq!(scene.asked(), ["add Maria"], "it is tried again");
}

#[test]
fn whoever_is_here_leaves_with_the_room() {
    let mut scene = Scene::new(&["Maria", "Jonas"]);
    scene.press(0, "A-4").unwrap();
    scene.looks("Maria");
    scene.asked();
    scene.people.leave();
    assert_eq!(scene.asked(), ["close Maria"]);
}

#[test]
fn who_was_right_is_what_the_database_says_once_the_step_is_sent() {
    let mut scene = Scene::new(&["Maria", "Jonas", "Lea"]);
    let answers = |scene: &mut Scene, person: usize, option: &str| {
        scene.people.answer(scene.visitors[person], Some(scene.people.asked), option, scene.now)
    };
    assert_eq!(answers(&mut scene, 0, "Bob"), Err(Refusal::NotAsked));
    scene.orders(&Order::Ask);
    let seat = scene.people.overview(&scene.stage).poll.unwrap().seat;
    answers(&mut scene, 0, "nobody").unwrap();
    answers(&mut scene, 0, "Bob").unwrap();
    answers(&mut scene, 1, "somebody else").unwrap();
    answers(&mut scene, 2, "nobody").unwrap();
    let evil = answers(&mut scene, 1, "'; drop table seats; --");
    assert_eq!(evil, Err(Refusal::NoAnswer));
    let sql = "commit;".into();
    scene.happens(
        "Bob",
        Kind::Sent { submission: SubmissionId(1), sql, step: Some(0), typed: None },
    );
    assert_eq!(answers(&mut scene, 2, "Bob"), Err(Refusal::NotAsked), "it is too late");
    for (holder, who) in [("Bob", "Bob"), ("Zoe", "Zoe")] {
        scene.shows(&[(&seat, holder)]);
        let poll = scene.people.overview(&scene.stage).poll.unwrap();
        assert_eq!(poll.outcome, Some(format!("{who} has {seat}: 1 of 3 was right")));
    }
    scene.shows(&[]);
    let poll = scene.people.overview(&scene.stage).poll.unwrap();
    assert_eq!(poll.outcome, Some(format!("so far nobody has {seat}")), "steps are to come");
}

#[test]
fn a_seat_that_is_given_back_and_sold_again_is_not_sold_twice() {
    let mut scene = Scene::new(&["Maria", "Jonas"]);
    let books = |scene: &mut Scene, person: usize, name: &str| {
        scene.press(person, "A-4").unwrap();
        scene.looks(name);
        let due = scene.now + Duration::from_secs(3);
        scene.people.wake(due);
        scene.now = due;
        scene.takes(name);
        scene.shows(&[("A-4", name)]);
    };
    books(&mut scene, 0, "Maria");
    scene.shows(&[]);
    assert_eq!(scene.stands(0), "A-4 was yours; it has been given back");
    assert_eq!(scene.people.board(&scene.stage).booked, 0);
    books(&mut scene, 1, "Jonas");
    let board = scene.people.board(&scene.stage);
    assert_eq!((board.booked, board.refused, board.sold_twice), (1, 0, 0));
    assert_eq!(board.verdict, ["1 seat sold, none twice, by the database"]);
}

#[test]
fn whoever_is_given_a_pane_types_into_it_until_it_is_taken() {
    let mut scene = Scene::new(&["Maria", "Eve"]);
    let types = |scene: &mut Scene, person: usize, sql: &str| {
        scene.now += Duration::from_secs(1);
        scene.people.type_sql(scene.visitors[person], sql, &scene.stage, scene.now)
    };
    let select = "select * from seats";
    assert_eq!(types(&mut scene, 0, select), Err(Refusal::NoPane));
    scene.orders(&Order::Pane("Maria".to_owned()));
    assert_eq!(scene.asked(), ["add Maria", "GivePane(SessionName(\"Maria\"))"]);
    assert_eq!(types(&mut scene, 0, select), Err(Refusal::NotConnected));
    scene.connects("Maria");
    assert_eq!(types(&mut scene, 1, select), Err(Refusal::NoPane), "Eve has none");
    assert_eq!(scene.press(0, "A-4"), Err(Refusal::HasPane));
    types(&mut scene, 0, select).unwrap();
    assert_eq!(scene.asked(), ["Maria: select * from seats;"]);
    assert_eq!(types(&mut scene, 0, select), Err(Refusal::StillRuns));
    scene.answers("Maria", done("SELECT 3"), TransactionStatus::Idle);
    let refused = types(&mut scene, 0, "set statement_timeout = 0");
    assert!(matches!(refused, Err(Refusal::Typed(_))), "{refused:?}");
    scene.orders(&Order::Pane("Maria".to_owned()));
    assert_eq!(scene.asked(), ["TakePane(SessionName(\"Maria\"))"]);
    assert_eq!(types(&mut scene, 0, select), Err(Refusal::NoPane), "at once");
    scene.press(0, "A-4").unwrap();
    assert!(scene.asked().is_empty(), "its session is not closed yet");
    scene.happens("Maria", Kind::Closed);
    assert_eq!(scene.asked(), ["add Maria"]);
}

#[test]
fn what_is_refused_is_told_to_whoever_typed_it() {
    let mut scene = Scene::new(&["Maria"]);
    scene.orders(&Order::Pane("Maria".to_owned()));
    scene.connects("Maria");
    scene.asked();
    let types = |scene: &mut Scene| {
        scene.now += Duration::from_secs(1);
        let (maria, now) = (scene.visitors[0], scene.now);
        scene.people.type_sql(maria, "select * from seats", &scene.stage, now).unwrap();
    };
    let refuse = |scene: &mut Scene, why: &str| {
        let why = why.to_owned();
        scene.hears(Report::Refused { session: Some(SessionName::new("Maria")), why });
        scene.people.present(&scene.stage)[0].words.clone()
    };
    assert_eq!(refuse(&mut scene, "busy"), "", "the teacher has typed it");
    types(&mut scene);
    assert_eq!(refuse(&mut scene, "busy"), "busy");
    types(&mut scene);
    let sql = "select pg_backend_pid()".into();
    let sent = Kind::Sent { submission: SubmissionId(7), sql, step: None, typed: None };
    scene.happens("Maria", sent);
    assert_eq!(refuse(&mut scene, "still busy"), "still busy", "the teacher's went out before");
}

#[test]
fn a_pane_that_is_taken_and_given_again_comes_when_its_session_is_closed() {
    let mut scene = Scene::new(&["Maria"]);
    scene.orders(&Order::Pane("Maria".to_owned()));
    scene.connects("Maria");
    scene.asked();
    for _ in 0..2 {
        scene.orders(&Order::Pane("Maria".to_owned()));
    }
    assert_eq!(scene.asked(), ["TakePane(SessionName(\"Maria\"))"]);
    scene.happens("Maria", Kind::Closed);
    assert_eq!(scene.asked(), ["add Maria", "GivePane(SessionName(\"Maria\"))"]);
}

#[test]
fn a_pane_that_cannot_be_is_none_and_says_why() {
    let mut scene = Scene::new(&["Maria"]);
    scene.orders(&Order::Pane("Maria".to_owned()));
    let why = "the server has no room".to_owned();
    scene.hears(Report::Refused { session: Some(SessionName::new("Maria")), why });
    let present = scene.people.present(&scene.stage);
    assert_eq!((present[0].has_pane, present[0].words.as_str()), (false, "the server has no room"));
}

#[test]
fn whoever_has_a_pane_has_it_after_a_fresh_setup() {
    let mut scene = Scene::new(&["Maria"]);
    scene.orders(&Order::Pane("Maria".to_owned()));
    scene.asked();
    scene.hears(fresh());
    assert_eq!(scene.asked(), ["add Maria", "GivePane(SessionName(\"Maria\"))"]);
}
