use super::*;
use crate::core::event::{Fate, Pid, ServerMessage};
use crate::core::syntax::Strings;
use crate::debugger::breakpoints::HoldMode;
use crate::debugger::plan::Plan;
use crate::debugger::tables::TableName;
use crate::gateway::{Mode, Told};

/// Guests, and what has come of them so far, a line each.
struct Play {
    guests: Guests,
    begun: Instant,
    seconds: u64,
    told: Vec<String>,
}

impl Play {
    fn watching(tables: &[&str], mode: HoldMode) -> Self {
        let watched = tables.iter().map(|name| TableName::read(name).unwrap()).collect();
        let rules = Rules { mode, watched, ..Rules::default() };
        let ports = [("127.0.0.1:1".parse().unwrap(), "carol".to_owned())].into();
        let mut guests = Guests::new(rules);
        guests.name_ports(ports);
        Self { guests, begun: Instant::now(), seconds: 0, told: vec![] }
    }

    fn now(&self) -> Instant {
        self.begun + Duration::from_secs(self.seconds)
    }

    fn join(&mut self, id: u64, application: &str, port: u16) {
        let parameters = [("user", ""), ("application_name", application)];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.guests.joined(&Arc::new(Client {
            id: ClientId(id),
            pid: Pid(i32::try_from(id).unwrap()),
            mode: Mode::PassThrough,
            came_by: Some(([127, 0, 0, 1], port).into()),
            parameters: parameters.map(owned).into(),
        }));
    }

    fn arrive(&mut self, id: u64, sql: &str, is_query: bool) -> Option<HeldId> {
        let client = ClientId(id);
        let status = self.guests.clients[&client].status;
        let (sql, strings) = (Arc::from(sql), Strings::default());
        let shown = Arc::clone(&sql);
        let application = Arc::from(self.guests.clients[&client].client.application());
        let arrival = Arrival { client, sql, shown, is_query, status, strings, application };
        let held = self.guests.arrived(&arrival, self.now());
        self.note();
        held
    }

    fn query(&mut self, id: u64, sql: &str) -> Option<HeldId> {
        self.arrive(id, sql, true)
    }

    fn tell(&mut self, id: u64, told: Told) {
        self.guests.told(ClientId(id), told, self.now());
        self.note();
    }

    /// The statement is done, and the server ready.
    fn done(&mut self, id: u64, tag: &str, status: TransactionStatus) {
        self.tell(id, Told::Done { tag: tag.to_owned() });
        self.tell(id, Told::Ready(status));
    }

    fn obey(&mut self, order: Order) -> Result<(), OrderError> {
        let obeyed = self.guests.obey(order, self.now());
        self.note();
        obeyed
    }

    /// The run has seen that alice's submission waits, or no longer does.
    fn wait(&mut self, submission: SubmissionId, wait: Option<&Wait>) {
        self.guests.note_wait(&named("alice"), submission, wait, self.now());
        self.note();
    }

    fn note(&mut self) {
        for output in self.guests.take_outputs() {
            self.told.push(match output {
                Output::LetGo(_, verdict) => format!("verdict: {verdict:?}"),
                Output::News(GuestNews::Joined(name)) => format!("{name} joins"),
                Output::News(GuestNews::Parted(name)) => format!("{name} parts"),
                Output::News(GuestNews::Touches(table)) => format!("{table} is touched"),
                Output::News(GuestNews::Happened(name, kind)) => {
                    format!("{name}: {}", words(&kind))
                }
            });
        }
    }

    /// What has come since the last time.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

fn words(kind: &Kind) -> String {
    match kind {
        Kind::Connected { pid } => format!("connected as {pid}"),
        Kind::Sent { sql, .. } => format!("sent {sql}"),
        Kind::Done { tag, rows } => format!("done {tag} ({rows})"),
        Kind::Ready { status, .. } => format!("ready {status:?}"),
        Kind::Held { does, why, patience, .. } => {
            let patience = patience.map(|it| format!(", {} s of patience", it.as_secs()));
            format!("held {does} ({why}){}", patience.unwrap_or_default())
        }
        Kind::LetGo { held, fate } => format!("let go after {} s: {fate:?}", held.as_secs()),
        Kind::Note(note) => note.clone(),
        Kind::Failed(message) => format!("failed {}", message.code),
        Kind::Lost { in_transaction, .. } => format!("lost, in transaction: {in_transaction}"),
        other => format!("{other:?}"),
    }
}

fn wait_for(name: &str) -> Wait {
    Wait {
        blockers: vec![crate::core::event::Blocker::Session(named(name))],
        target: crate::core::event::WaitTarget::Transaction,
        certainty: crate::core::event::Certainty::Observed,
    }
}

fn named(name: &str) -> SessionName {
    SessionName::new(name)
}

#[test]
fn a_transaction_has_a_place_and_what_touches_a_watched_table_is_held() {
    let mut play = Play::watching(&["seats"], HoldMode::Breakpoints);
    play.join(1, "alice", 0);
    assert_eq!(play.query(1, "begin"), None);
    play.done(1, "BEGIN", TransactionStatus::InTransaction);
    assert!(play.query(1, "select * from seats").is_some());
    play.seconds = 3;
    play.obey(Order::LetGo(named("alice"))).unwrap();
    play.done(1, "SELECT 0", TransactionStatus::InTransaction);
    assert!(play.query(1, "commit").is_some(), "its transaction has touched a watched table");
    play.obey(Order::LetAllGo).unwrap();
    play.done(1, "COMMIT", TransactionStatus::Idle);
    let expected = [
        "alice joins",
        "alice: connected as 1",
        "alice: sent begin",
        "alice: done BEGIN (0)",
        "alice: ready InTransaction",
        "alice: held reads seats (touches seats)",
        "alice: let go after 3 s: Passed",
        "verdict: Pass",
        "alice: sent select * from seats",
        "alice: done SELECT 0 (0)",
        "alice: ready InTransaction",
        "alice: held commits (ends a transaction that touched seats)",
        "alice: let go after 0 s: Passed",
        "verdict: Pass",
        "alice: sent commit",
        "alice: done COMMIT (0)",
        "alice: ready Idle",
    ];
    let told = play.take();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        // How the COMMIT's reason is put is the breakpoints' own.
        let is_same = told == expected
            || (expected.contains("held commits") && told.contains("held commits"));
        assert!(is_same, "{told} instead of {expected}");
    }
    assert!(play.guests.state(play.now()).transactions.is_empty());
}

#[test]
fn a_pools_connections_take_turns_in_one_place_and_two_at_once_have_two() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.join(1, "shop", 0);
    play.join(2, "shop", 0);
    play.query(1, "update seats set a = 1");
    play.done(1, "UPDATE 1", TransactionStatus::Idle);
    play.query(2, "update seats set a = 2");
    play.query(1, "update seats set a = 3");
    let told = play.take();
    let of = |name: &str| told.iter().filter(|it| it.starts_with(name)).count();
    assert_eq!((of("shop joins"), of("shop-2 joins")), (1, 1), "{told:#?}");
    assert!(told.contains(&"shop: connected as 2".to_owned()), "{told:#?}");
    assert!(told.contains(&"shop-2: sent update seats set a = 3".to_owned()), "{told:#?}");
}

#[test]
fn who_comes_by_a_port_of_its_own_is_its_actor() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "shop", 1);
    assert!(play.query(1, "update seats set a = 1").is_some());
    assert_eq!(play.take()[0], "carol joins");
}

#[test]
fn what_passes_by_itself_takes_no_place_and_is_told_with_the_next_transaction() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    for sql in ["set datestyle = 'iso'", "select 1"] {
        assert_eq!(play.query(1, sql), None);
        play.done(1, "SET", TransactionStatus::Idle);
    }
    assert_eq!(play.take(), Vec::<String>::new());
    assert!(play.query(1, "select * from seats").is_some());
    let told = play.take();
    assert_eq!(told[2], "alice: passed by itself: set datestyle = 'iso'; select 1");
    assert_eq!(play.guests.state(play.now()).passed_by_themselves, 2);
}

#[test]
fn what_is_cancelled_or_given_up_while_it_is_held_says_so() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    let held = play.query(1, "select * from seats").unwrap();
    play.seconds = 5;
    play.guests.dropped(held);
    let message = ServerMessage { code: "57014".to_owned(), ..ServerMessage::default() };
    play.tell(1, Told::Failed(message));
    play.tell(1, Told::Ready(TransactionStatus::Idle));
    let told = play.take();
    assert!(told.contains(&"alice: let go after 5 s: Cancelled".to_owned()), "{told:#?}");
    assert!(told.contains(&"alice: failed 57014".to_owned()), "{told:#?}");
    let held = play.query(1, "select * from seats").unwrap();
    play.seconds = 7;
    play.guests.dropped(held);
    play.guests.left(ClientId(1), play.now());
    play.note();
    let told = play.take();
    assert!(told.contains(&"alice: let go after 2 s: Abandoned".to_owned()), "{told:#?}");
    assert!(told.contains(&"alice: lost, in transaction: false".to_owned()), "{told:#?}");
}

#[test]
fn how_long_a_program_waits_is_learnt_when_it_hangs_up_by_itself() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    for (client, is_ended) in [(1, true), (2, false)] {
        play.join(client, "alice", 0);
        let held = play.query(client, "select * from seats").unwrap();
        play.seconds += 5;
        if is_ended {
            let (severity, code) = ("FATAL".to_owned(), "57P01".to_owned());
            let message = ServerMessage { severity, code, ..ServerMessage::default() };
            play.tell(client, Told::Failed(message));
        }
        play.guests.dropped(held);
        play.guests.left(ClientId(client), play.now());
        play.note();
        let told = play.take();
        assert!(told.contains(&"alice: held reads seats (everything is held)".to_owned()));
        let fate = if is_ended { Fate::ServerGone } else { Fate::Abandoned };
        assert!(told.contains(&format!("alice: let go after 5 s: {fate:?}")), "{told:?}");
    }
    play.join(3, "alice", 0);
    play.query(3, "select * from seats").unwrap();
    let told = play.take();
    let held = "alice: held reads seats (everything is held), 5 s of patience";
    assert!(told.contains(&held.to_owned()), "{told:#?}");
}

#[test]
fn what_is_answered_in_the_servers_place_does_not_go() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    for (answer, code) in [(Answer::Deadlock, "40P01"), (Answer::Conflict, "OC000")] {
        play.query(1, "update seats set a = 1").unwrap();
        play.take();
        play.obey(Order::Answer(named("alice"), answer)).unwrap();
        let told = play.take();
        let fate = Fate::Refused(crate::core::event::SqlState(code.to_owned()));
        assert_eq!(told[0], format!("alice: let go after 0 s: {fate:?}"));
        assert!(told[1].starts_with("verdict: Refuse") && told[1].contains(code), "{told:#?}");
        assert_eq!(told.len(), 2, "it is not told as sent");
        play.tell(1, Told::Ready(TransactionStatus::Idle));
    }
    let nobody = play.obey(Order::LetGo(named("alice")));
    assert_eq!(nobody, Err(OrderError::NotHeld(named("alice"))));
    assert_eq!(play.obey(Order::LetAllGo), Err(OrderError::NothingHeld));
}

#[test]
fn statements_of_a_pipeline_are_told_one_after_the_other() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.join(1, "alice", 0);
    play.arrive(1, "insert into seats values (1)", false);
    play.arrive(1, "insert into seats values (2)", false);
    play.take();
    play.tell(1, Told::Done { tag: "INSERT 0 1".to_owned() });
    assert_eq!(
        play.take(),
        [
            "alice: done INSERT 0 1 (0)",
            "alice: ready InTransaction",
            "alice: sent insert into seats values (2)"
        ]
    );
    play.tell(1, Told::Done { tag: "INSERT 0 1".to_owned() });
    play.tell(1, Told::Ready(TransactionStatus::Idle));
    assert_eq!(play.take(), ["alice: done INSERT 0 1 (0)", "alice: ready Idle"]);
}

#[test]
fn what_was_let_go_by_hand_is_a_plan_that_holds_the_same() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    play.join(2, "bob", 0);
    let read = "select * from seats where id = 1";
    play.query(1, read).unwrap();
    play.query(2, read).unwrap();
    play.obey(Order::LetGo(named("bob"))).unwrap();
    play.obey(Order::LetGo(named("alice"))).unwrap();
    let recorded = play.guests.recorded();
    assert_eq!(recorded.sentence(), "bob reads seats 1 · alice reads seats 1");

    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.guests.play(recorded, ["alice".to_owned(), "bob".to_owned()].into());
    play.join(1, "alice", 0);
    play.join(2, "bob", 0);
    let nobody = BTreeSet::new();
    assert!(play.query(1, read).is_some());
    let waits = PlanState::Waiting { is_quiet: true };
    assert_eq!(play.guests.plan_state(&nobody, false), waits, "bob comes first");
    assert!(play.query(2, read).is_some());
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Due(vec![named("bob")]));
    play.obey(Order::LetGo(named("bob"))).unwrap();
    let runs = PlanState::Waiting { is_quiet: false };
    assert_eq!(play.guests.plan_state(&nobody, false), runs);
    play.done(2, "SELECT 1", TransactionStatus::Idle);
    assert_eq!(play.guests.plan_state(&nobody, false), waits, "bob may have more to say");
    play.guests.left(ClientId(2), play.now());
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Due(vec![named("alice")]));
    play.obey(Order::LetGo(named("alice"))).unwrap();
    play.done(1, "SELECT 1", TransactionStatus::Idle);
    assert_eq!(play.guests.plan_state(&nobody, false), waits);
    assert_eq!(play.guests.plan_state(&nobody, true), PlanState::Over, "she has no more to say");
}

#[test]
fn who_waits_in_the_database_holds_no_plan_up() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    let strings = Strings::default();
    let write = "update seats set a = 1 where id = 1";
    let statement = Statement::read(write, strings);
    let mut written = Plan::default();
    written.record([("alice", &statement)]);
    written.record([("bob", &statement)]);
    play.guests.play(written, BTreeSet::new());
    play.join(1, "alice", 0);
    play.join(2, "bob", 0);
    play.query(1, write).unwrap();
    play.query(2, write).unwrap();
    let nobody = BTreeSet::new();
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Due(vec![named("alice")]));
    play.obey(Order::LetGo(named("alice"))).unwrap();
    assert!(matches!(play.guests.plan_state(&nobody, false), PlanState::Waiting { .. }));
    let alice = [named("alice")].into();
    assert_eq!(play.guests.plan_state(&alice, false), PlanState::Due(vec![named("bob")]));
}

#[test]
fn of_several_that_are_to_go_none_goes_where_one_is_not_held() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    for (id, name) in [(1, "alice"), (2, "bob")] {
        play.join(id, name, 0);
        play.query(id, "update seats set a = 1").unwrap();
    }
    let refused = play.obey(Order::LetTheseGo(vec![named("bob"), named("zoe")]));
    assert_eq!(refused, Err(OrderError::NotHeld(named("zoe"))));
    assert!(play.guests.state(play.now()).of("bob").unwrap().held.is_some());
    play.take();
    play.obey(Order::LetTheseGo(vec![named("bob"), named("alice")])).unwrap();
    let sent = |it: &String| it.contains("sent");
    play.done(2, "UPDATE 1", TransactionStatus::Idle);
    let sent: Vec<_> = play.take().into_iter().filter(sent).collect();
    assert!(sent[0].starts_with("bob: ") && sent[1].starts_with("alice: "), "{sent:?}");
}

#[test]
fn a_wait_is_its_statements_and_ends_with_it() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.join(1, "alice", 0);
    play.query(1, "update seats set a = 1");
    let sent = SubmissionId(play.guests.submissions);
    let waits = |play: &Play| play.guests.state(play.now()).of("alice").unwrap().waits.clone();
    let wait = wait_for("bob");
    play.wait(sent, Some(&wait));
    let told = waits(&play).unwrap();
    assert_eq!((told.blockers, told.what.as_str()), (vec!["bob".to_owned()], "end of transaction"));
    play.wait(sent, None);
    assert_eq!(waits(&play), None);
    play.done(1, "UPDATE 1", TransactionStatus::InTransaction);
    play.query(1, "update seats set a = 2");
    // The run may see it late: what has been answered waits no more, nor does what came after it.
    play.wait(sent, Some(&wait));
    assert_eq!(waits(&play), None);
}

#[test]
fn whose_transaction_is_over_has_ended_and_is_gone_with_its_connection() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.join(1, "alice", 0);
    let ended = |play: &Play| play.guests.state(play.now()).ended;
    assert_eq!(ended(&play), []);
    let over = |gone| vec![EndedState { name: "alice".to_owned(), gone }];
    play.query(1, "update seats set a = 1");
    assert_eq!(ended(&play), []);
    play.done(1, "UPDATE 1", TransactionStatus::Idle);
    assert_eq!(ended(&play), over(false));
    play.guests.left(ClientId(1), play.now());
    assert_eq!(ended(&play), over(true));
    play.join(2, "alice", 0);
    play.query(2, "begin; update seats set a = 1");
    assert_eq!(ended(&play), []);
    play.guests.left(ClientId(2), play.now());
    assert_eq!(ended(&play), over(true));
}

#[test]
fn who_is_cancelled_over_another_connection_while_it_is_held_is_answered_so() {
    let mut play = Play::watching(&["seats"], HoldMode::Breakpoints);
    play.join(7, "alice", 0);
    play.join(8, "bob", 0);
    play.query(7, "update seats set a = 1").unwrap();
    play.take();
    assert_eq!(play.query(8, "SELECT pg_cancel_backend(7)"), None);
    let told = play.take();
    let is_it = |it: &String| it.contains("Refused(SqlState(\"57014\"))");
    assert!(told.iter().any(is_it), "{told:#?}");
    play.tell(7, Told::Ready(TransactionStatus::Idle));
    play.query(7, "update seats set a = 1").unwrap();
    play.take();
    play.query(8, "SELECT pg_terminate_backend(7)");
    assert!(play.take().contains(&"verdict: Cut".to_owned()));
}

#[test]
fn what_a_rule_refuses_is_answered_at_once_and_counted() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.guests.refuse(vec!["update seats:1 as 40P01".parse().unwrap()]);
    play.join(1, "alice", 0);
    assert!(play.query(1, "update seats set a = 1").is_some());
    let told = play.take();
    assert!(told.last().unwrap().contains("40P01"), "{told:#?}");
    let by_rule = "RefusedByRule { code: SqlState(\"40P01\"), rule: \"update seats:1 as 40P01\" }";
    assert!(told.iter().any(|it| it.contains(by_rule)), "{told:#?}");
    play.tell(1, Told::Ready(TransactionStatus::Idle));
    assert_eq!(play.query(1, "update seats set a = 1"), None, "only the first");
    let retried = "alice: retried after a refusal: updates seats".to_owned();
    assert!(play.take().contains(&retried));
    let tally = play.guests.refused().unwrap();
    assert_eq!((tally.refused, tally.retried), (1, 1));
}

#[test]
fn what_a_plan_does_not_know_comes_in_its_actors_turn() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    let write = "update seats set a = 1 where id = 1";
    let statement = Statement::read(write, Strings::default());
    let mut turns = Plan::default();
    turns.record([("bob", &statement)]);
    turns.record([("alice", &statement)]);
    play.guests.play(turns, ["alice".to_owned(), "bob".to_owned()].into());
    play.join(1, "alice", 0);
    play.join(2, "bob", 0);
    assert_eq!(play.query(1, "select 1"), None, "noise has no turn");
    play.done(1, "SELECT 1", TransactionStatus::Idle);
    assert!(play.query(1, "select * from seats").is_some(), "it is bob's turn");
    let nobody = BTreeSet::new();
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Waiting { is_quiet: true });
    assert!(play.query(2, write).is_some());
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Due(vec![named("bob")]));
    play.obey(Order::LetGo(named("bob"))).unwrap();
    play.done(2, "UPDATE 1", TransactionStatus::Idle);
    assert!(matches!(play.guests.plan_state(&nobody, false), PlanState::Waiting { .. }));
    play.guests.left(ClientId(2), play.now());
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Due(vec![named("alice")]));
    play.obey(Order::LetGo(named("alice"))).unwrap();
    play.done(1, "SELECT 0", TransactionStatus::Idle);
    assert!(play.query(1, write).is_some());
    assert_eq!(play.guests.plan_state(&nobody, false), PlanState::Due(vec![named("alice")]));
}

#[test]
fn a_plan_of_those_who_met_has_the_gate_where_they_did() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.guests.note_gates(vec![TableName::read("seats").unwrap()]);
    play.join(1, "alice", 0);
    play.join(2, "bob", 0);
    let write = "insert into seats values (1)";
    let held = [play.query(1, write).unwrap(), play.query(2, write).unwrap()];
    assert!(play.guests.recorded().gates.is_empty());
    play.guests.let_go_at_once(&held, play.now());
    assert_eq!(play.guests.recorded().gates, [TableName::read("seats").unwrap()]);
}

/// Who is let go in the same instant is served in any order; a plan of that order would not fit.
#[test]
fn the_next_goes_when_the_one_before_is_answered_or_waits() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    for (id, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        play.join(id, name, 0);
        play.query(id, "update seats set a = 1").unwrap();
    }
    play.take();
    play.obey(Order::LetAllGo).unwrap();
    let is_held =
        |play: &Play, name| play.guests.state(play.now()).of(name).unwrap().held.is_some();
    assert_eq!(["alice", "bob", "carol"].map(|name| is_held(&play, name)), [false, true, true]);
    play.wait(SubmissionId(play.guests.submissions), Some(&wait_for("dave")));
    assert_eq!(["bob", "carol"].map(|name| is_held(&play, name)), [false, true], "alice waits");
    play.tell(2, Told::Done { tag: "UPDATE 1".to_owned() });
    assert!(is_held(&play, "carol"), "a Query message is answered with ReadyForQuery");
    play.tell(2, Told::Ready(TransactionStatus::Idle));
    assert!(!is_held(&play, "carol"), "bob is answered");
    let order = "alice updates seats · bob updates seats · carol updates seats";
    assert_eq!(play.guests.recorded().sentence(), order);
}

#[test]
fn who_leaves_or_is_let_go_by_hand_does_not_keep_the_others() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    for (id, name) in [(1, "alice"), (2, "bob"), (3, "carol"), (4, "dave")] {
        play.join(id, name, 0);
        play.query(id, "update seats set a = 1").unwrap();
    }
    play.obey(Order::LetAllGo).unwrap();
    play.obey(Order::LetGo(named("bob"))).unwrap();
    play.guests.left(ClientId(1), play.now());
    let state = play.guests.state(play.now());
    assert!(state.of("carol").unwrap().held.is_none(), "alice has left, and bob had gone");
    assert!(state.of("dave").unwrap().held.is_some());
}

#[test]
fn a_meeting_is_written_in_the_order_in_which_it_was_served() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    let write = "insert into seats values (1)";
    let held = [(1, "alice"), (2, "bob"), (3, "carol")].map(|(id, name)| {
        play.join(id, name, 0);
        play.query(id, write).unwrap()
    });
    play.guests.let_go_at_once(&held, play.now());
    play.note();
    play.done(2, "INSERT 0 1", TransactionStatus::InTransaction);
    let commit = play.query(2, "commit").unwrap();
    play.obey(Order::LetGo(named("bob"))).unwrap();
    assert!(play.guests.state(play.now()).of("bob").unwrap().held.is_none(), "{commit:?}");
    play.done(2, "COMMIT", TransactionStatus::Idle);
    play.done(3, "INSERT 0 1", TransactionStatus::InTransaction);
    let order = "bob inserts into seats + carol inserts into seats + alice inserts into seats · \
                 bob commits";
    assert_eq!(play.guests.recorded().sentence(), order);
}

#[test]
fn what_was_answered_by_hand_is_a_part_of_the_plan_and_of_its_play() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    let write = "update seats set a = 1";
    play.query(1, write).unwrap();
    play.obey(Order::Answer(named("alice"), Answer::Deadlock)).unwrap();
    play.tell(1, Told::Ready(TransactionStatus::Idle));
    play.query(1, write).unwrap();
    play.obey(Order::LetGo(named("alice"))).unwrap();
    let text = play.guests.recorded().to_string();
    assert!(text.contains("\nalice: [40P01] updates seats | update seats set a = ?\n"), "{text}");
    assert!(text.ends_with("\nalice: updates seats | update seats set a = ?\n"), "{text}");

    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    play.guests.play(text.parse().unwrap(), ["alice".to_owned()].into());
    play.join(1, "alice", 0);
    play.query(1, write).unwrap();
    let alice = named("alice");
    let due = PlanState::Due(vec![alice.clone()]);
    assert_eq!(play.guests.plan_state(&BTreeSet::new(), false), due);
    assert_eq!(play.guests.planned_answer(&alice), Some(Answer::Deadlock));
    play.obey(Order::Answer(alice.clone(), Answer::Deadlock)).unwrap();
    play.tell(1, Told::Ready(TransactionStatus::Idle));
    play.query(1, write).unwrap();
    assert_eq!(play.guests.plan_state(&BTreeSet::new(), false), due);
    assert_eq!(play.guests.planned_answer(&alice), None);
}

#[test]
fn a_plan_that_stalls_says_who_waits_for_whom() {
    let mut play = Play::watching(&["seats"], HoldMode::Watch);
    let strings = Strings::default();
    let mut turns = Plan::default();
    turns.record([("alice", &Statement::read("update seats set a = 1", strings))]);
    turns.record([("alice", &Statement::read("commit", strings))]);
    play.guests.play(turns, ["alice".to_owned()].into());
    play.join(1, "alice", 0);
    play.query(1, "begin");
    play.done(1, "BEGIN", TransactionStatus::InTransaction);
    play.query(1, "update seats set a = 1").unwrap();
    play.guests.plan_state(&BTreeSet::new(), true);
    play.obey(Order::LetGo(named("alice"))).unwrap();
    play.wait(SubmissionId(play.guests.submissions), Some(&wait_for("bob")));
    assert_eq!(
        play.guests.awaited().unwrap().to_string(),
        "step 2 of the plan no longer fits: it says `alice: commits | commit`, and it has not \
         come; alice waits for bob: end of transaction"
    );
}

/// What the server has done with the last statement of a connection that is cut behind it.
#[test]
fn a_commit_that_is_cut_off_behind_is_told_as_committed() {
    let done = StatementOutcome::Done;
    let refused = StatementOutcome::Refused("40001".to_owned());
    let committed = "the server has committed; its program does not know";
    for (sql, outcome, words, undone) in [
        ("commit", done.clone(), Some(committed), false),
        ("commit", refused, Some("refused it with 40001"), true),
        ("commit", StatementOutcome::Lost, Some("is not known"), false),
        ("update seats set a = 2", done, None, true),
    ] {
        let mut play = Play::watching(&["seats"], HoldMode::Everything);
        play.join(1, "alice", 0);
        play.query(1, "update seats set a = 1").unwrap();
        play.obey(Order::LetGo(named("alice"))).unwrap();
        play.done(1, "UPDATE 1", TransactionStatus::InTransaction);
        play.query(1, sql).unwrap();
        play.obey(Order::Answer(named("alice"), Answer::CutAfter)).unwrap();
        play.take();
        play.guests.note_outcome(ClientId(1), outcome);
        play.guests.left(ClientId(1), play.now());
        play.note();
        let told = play.take();
        assert_eq!(told.last().unwrap(), &format!("alice: lost, in transaction: {undone}"));
        let note = told.len().checked_sub(2).map(|at| told[at].as_str());
        assert_eq!(note.is_some(), words.is_some(), "{told:?}");
        assert!(words.is_none_or(|words| note.unwrap().contains(words)), "{told:?}");
    }
}

/// A program that gives up after its COMMIT was refused has no transaction in flight any more.
#[test]
fn what_was_refused_in_the_servers_place_is_over_with_its_answer() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    for (sql, status) in [
        ("update seats set a = 1", TransactionStatus::Failed),
        ("rollback", TransactionStatus::Idle),
    ] {
        play.query(1, sql).unwrap();
        play.obey(Order::Answer(named("alice"), Answer::Deadlock)).unwrap();
        play.tell(1, Told::Failed(ServerMessage::default()));
        play.take();
        play.tell(1, Told::Ready(status));
        assert_eq!(play.take(), [format!("alice: ready {status:?}")]);
    }
}

/// Nobody's statements are told under another's name.
#[test]
fn who_has_no_pane_is_told_nowhere_and_let_go_with_the_others() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    for id in 1..=62 {
        play.join(id, &format!("u{id}"), 0);
        play.query(id, "update seats set a = 1").unwrap();
    }
    let told = play.take();
    assert!(told.iter().all(|it| !it.starts_with("u61") && !it.starts_with("u62")), "{told:?}");
    let overview = play.guests.overview();
    assert_eq!((overview.without_pane, overview.held_without_pane), (2, 2));
    assert!(play.guests.state(play.now()).of("u61").unwrap().held.is_some());
    play.obey(Order::LetTheseGo(vec![named("u61"), named("u62")])).unwrap();
    assert_eq!(play.guests.overview().held_without_pane, 0, "nobody sees whether they wait");
    play.done(61, "UPDATE 1", TransactionStatus::Idle);
    assert_eq!(play.guests.overview().without_pane, 1);
    assert!(play.take().iter().all(|it| it.starts_with("verdict")));
}

#[test]
fn how_long_a_program_waits_is_learnt_from_its_cancel_too() {
    let mut play = Play::watching(&["seats"], HoldMode::Everything);
    play.join(1, "alice", 0);
    let held = play.query(1, "select * from seats").unwrap();
    play.seconds = 3;
    play.guests.dropped(held);
    play.tell(1, Told::Ready(TransactionStatus::Idle));
    play.query(1, "select * from seats").unwrap();
    assert!(play.take().last().unwrap().ends_with("3 s of patience"));
}

#[test]
fn a_server_that_dies_is_not_taken_for_a_program_that_leaves() {
    for (is_held, fate) in [(true, Fate::ServerGone), (false, Fate::Abandoned)] {
        let mut play = Play::watching(&["seats"], HoldMode::Everything);
        play.join(1, "alice", 0);
        let held = play.query(1, "select * from seats").unwrap();
        if is_held {
            play.guests.server_left(ClientId(1));
        }
        play.guests.dropped(held);
        // A client that has left is why the server leaves.
        play.guests.server_left(ClientId(1));
        play.guests.left(ClientId(1), play.now());
        play.note();
        assert!(play.take().contains(&format!("alice: let go after 0 s: {fate:?}")));
    }
}
