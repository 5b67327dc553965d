//! Scenario files and the mistakes in them.

use proptest::prelude::*;

use super::*;
use crate::core::scenario::{Cell, EngineKind, Expected, Isolation, Manner, Whom};
use crate::core::seats::SeatColumns;

const HEAD: &str = "-- Title\n-- sessions: Alice, Bob\n";

fn parsed(text: &str) -> Result<Scenario, Mistake> {
    parse(text, Path::new("a.sql"), "a")
}

/// A file with this after its head, which has two lines.
fn body(text: &str) -> Result<Scenario, Mistake> {
    parsed(&format!("{HEAD}{text}"))
}

fn expected(line: &str) -> Expected {
    let scenario = body(&format!("-- Alice: acts\nselect 1;\n--> {line}\n")).unwrap();
    scenario.steps[0].expectations[0].expected.clone()
}

/// The scenario without what a file's layout decides.
fn without_lines(mut scenario: Scenario) -> Scenario {
    for step in &mut scenario.steps {
        step.line = 0;
        step.expectations.iter_mut().for_each(|expectation| expectation.line = 0);
    }
    for statement in &mut scenario.setup {
        (statement.line, statement.column) = (0, 0);
    }
    scenario.invariants.iter_mut().for_each(|invariant| invariant.line = 0);
    if let Some(finally) = &mut scenario.finally {
        finally.line = 0;
        finally.expectations.iter_mut().for_each(|expectation| expectation.line = 0);
    }
    scenario
}

#[test]
fn the_head_is_read() {
    let scenario = parsed(
        "-- Title\n--\n-- One paragraph: it\n-- goes on.\n--\n-- Another.\n-- sessions: Alice,Bob\n\
         -- seats: seats (a, b, c, d)\n-- watch: x, y\n\
         -- isolation: Repeatable Read, serializable\n\
         -- engines: postgres, dsql\n-- source: a book\n\n-- Alice: acts\nselect 1;\n",
    )
    .unwrap();
    let [table, row, number, holder] = ["seats", "a", "b", "c"].map(str::to_owned);
    let compartment = Some("d".to_owned());
    assert_eq!(scenario.story, ["One paragraph: it goes on.", "Another."]);
    assert_eq!(scenario.seats, Some(SeatColumns { table, compartment, row, number, holder }));
    assert_eq!(scenario.watch, ["x", "y"]);
    assert_eq!(scenario.levels, [Isolation::RepeatableRead, Isolation::Serializable]);
    assert_eq!(scenario.engines, [EngineKind::Postgres, EngineKind::Dsql]);
    assert_eq!(scenario.source.as_deref(), Some("a book"));
}

#[test]
fn each_kind_of_expectation_is_read() {
    let bob = || SessionName::new("Bob");
    let cell = |text: &&str| Cell::Plain((*text).to_owned());
    let row = |cells: &[&str]| Expected::Row(cells.iter().map(cell).collect());
    assert_eq!(expected("UPDATE 0"), Expected::Tag("UPDATE 0".to_owned()));
    assert_eq!(expected("(3 rows)"), Expected::RowCount(3));
    assert_eq!(expected("A | 4 |"), row(&["A", "4", ""]));
    assert_eq!(expected("A"), row(&["A"]));
    assert_eq!(expected("12:30"), row(&["12:30"]));
    assert_eq!(expected("waits for Bob"), Expected::WaitsFor(Whom::Session(bob())));
    let error = expected("ERROR 40001 (OC000)");
    let code = crate::core::event::SqlState("40001".to_owned());
    assert_eq!(error, Expected::Error { code, text: "(OC000)".to_owned() });
    let what = Box::new(Expected::Tag("UPDATE 0".to_owned()));
    let resumes = Expected::Of { session: bob(), manner: Manner::Resumes, what };
    assert_eq!(expected("Bob resumes: UPDATE 0"), resumes);
}

#[test]
fn each_form_is_written_as_it_is_read() {
    let forms = include_str!("tests/forms.txt").lines();
    for form in forms.filter(|form| !form.is_empty()) {
        let read = expected(form);
        assert_eq!(read.to_string(), form, "{read:?}");
    }
}

#[test]
fn a_pause_is_a_step_of_nobodys_and_is_written_as_it_is_read() {
    let scenario =
        body("-- Bob: acts\nselect 1;\n\n-- pause 300 ms\n--> Bob: NOTIFY ch: x\n").unwrap();
    assert_eq!(scenario.steps[1].pause(), Some(std::time::Duration::from_millis(300)));
    assert_eq!(scenario.steps[1].expectations.len(), 1);
    assert_eq!(parsed(&render(&scenario)).map(without_lines), Ok(without_lines(scenario)));
    let comment = body("-- Bob: acts\n-- pause for a moment\nselect 1;\n").unwrap();
    assert_eq!(comment.steps.len(), 1);
}

#[test]
fn the_rarer_settings_are_read_and_written() {
    let head = "-- Title\n-- sessions: Alice\n-- invariant: select true;\n\
        -- invariant: select count(*) <= 1 from t\n-- application-name: plain\n\
        -- search-path: run, public\n-- setup-file: a.sql, b.sql\n\n-- Alice: acts\nselect 1;\n";
    let scenario = parsed(head).unwrap();
    let invariants: Vec<_> =
        scenario.invariants.iter().map(|it| (it.sql.as_str(), it.line)).collect();
    assert_eq!(invariants, [("select true", 3), ("select count(*) <= 1 from t", 4)]);
    assert_eq!(scenario.application, crate::core::scenario::Application::Plain);
    assert_eq!(scenario.search_path.written(), ["run", "public"]);
    assert_eq!(scenario.setup_files, ["a.sql", "b.sql"]);
    assert_eq!(parsed(&render(&scenario)).map(without_lines), Ok(without_lines(scenario)));
}

#[test]
fn a_claim_in_words_needs_an_invariant_to_tell_it_by() {
    let tail = "\n-- Alice: acts\nselect 1;\n--> explore: sold twice is not possible\n";
    let with = format!("-- Title\n-- sessions: Alice\n-- invariant: select true\n{tail}");
    assert!(parsed(&with).is_ok());
    let mistake = body(tail).unwrap_err();
    assert_eq!(mistake.problem, "there is no invariant by which to tell \"sold twice\"");
    let mistake = body(&tail.replace("sold twice is not possible", "anomaly")).unwrap_err();
    assert_eq!(mistake.problem, "this does not say what is possible");
}

#[test]
fn values_that_look_like_something_else_stand_in_quotes() {
    let quoted = |value: &str| Expected::Row(vec![Cell::Quoted(value.to_owned())]);
    for value in
        ["INSERT", "(3 rows)", "running", "*", "wait for Bob", "a | b", " a", "", "say \"a\""]
    {
        let cell = Cell::Quoted(value.to_owned());
        assert_eq!(expected(&cell.to_string()), quoted(value));
    }
    assert_eq!(
        expected("\"a\" and \"b\""),
        Expected::Row(vec![Cell::Plain("\"a\" and \"b\"".to_owned())])
    );
}

#[test]
fn a_line_may_hold_at_some_levels_only() {
    let scenario = body(
        "-- Alice: acts\nselect 1;\n--> postgres at repeatable read, serializable: ERROR \
            40001\n--> at serializable: COMMIT\n",
    )
    .unwrap();
    let [first, second] = &scenario.steps[0].expectations[..] else { panic!("two lines") };
    assert_eq!(first.engine, Some(EngineKind::Postgres));
    assert_eq!(first.levels, [Isolation::RepeatableRead, Isolation::Serializable]);
    assert_eq!((second.engine, &second.levels[..]), (None, &[Isolation::Serializable][..]));
}

#[test]
fn what_is_almost_an_expectation_is_refused_with_the_right_form() {
    let lines = include_str!("tests/near-misses.txt").lines();
    let told = lines.map(|line| {
        let file = format!("-- Bob: acts\nselect 1;\n{line}\n");
        format!("{line}\n  => {}\n", body(&file).unwrap_err())
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn words_that_only_begin_like_an_expectation_are_rows() {
    for line in [
        "3",
        "wait and see",
        "Bob",
        "notice",
        "commit",
        "Bob 1",
        "error handling",
        "A-4",
        "12:30",
        "{\"a\": 1}",
    ] {
        assert!(matches!(expected(line), Expected::Row(_)), "{line}");
    }
}

#[test]
fn what_only_psql_can_do_is_refused_when_the_file_is_read() {
    let files = [
        "-- Bob: acts\nselect 1 \\gsett\n",
        "-- setup\nselect 1 \\gset\n\n-- Bob: acts\nselect 1;",
        "-- Bob: acts\nselect 1;\n\n-- finally\n\\x\nselect 1;",
        "-- Bob: acts\nselect 1 \\gx file\n",
        "-- Bob: acts\n\\set AUTOCOMMIT off\nselect 1;",
        "-- Bob: acts\nselect 1\n\\watch 2\n",
        "-- Bob: acts\nselect 1\n\\x\n",
        "-- setup\n\\i schema.sql\n\n-- Bob: acts\nselect 1;",
        "-- Bob: acts\nselect 1;\n\\d seats\n",
        "-- setup\ncreate table t (a int);\ncopy t (a) from stdin;\n1\n\\.\n-- Bob: acts\n\
         select 1;",
    ];
    let told = files.map(|text| format!("{text}\n  => {}\n", body(text).unwrap_err()));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_backslash_in_a_string_is_nobodys_command() {
    body("-- Bob: acts\nselect 'a\\d', $$\\gset$$ -- \\q\n;\n").unwrap();
    body("-- Bob: acts\ncopy (select 1) to stdout;\nselect 'copy t from stdin';\n").unwrap();
}

#[test]
fn a_steps_sql_is_verbatim() {
    let sql = "-- carefully\nselect 1; -- one\n\n  select '\n-- Bob: not a step\n' /* two */;";
    let scenario = body(&format!("-- Alice: acts\n\n{sql} -- done\n\n--> (1 row)\n")).unwrap();
    assert_eq!(scenario.steps.len(), 1);
    assert_eq!(scenario.steps[0].sql, sql);
    assert_eq!(scenario.steps[0].name, "Alice: acts");
}

#[test]
fn setup_is_split_into_statements() {
    let scenario =
        body("-- setup\n-- first\nselect 1;\n\nselect ';';\n-- Bob: acts\nselect 2;").unwrap();
    let setup: Vec<_> = scenario.setup.iter().map(|statement| statement.sql.as_str()).collect();
    assert_eq!(setup, ["-- first\nselect 1;", "select ';';"]);
    let first = scenario.setup[0].line;
    assert_eq!((scenario.setup[1].line, scenario.setup[1].column), (first + 3, 1));
}

#[test]
fn steps_of_the_same_words_have_names_of_their_own() {
    let scenario = body("-- Bob: acts\nselect 1;\n-- Bob: acts\nselect 1;").unwrap();
    assert_eq!(scenario.steps[1].name, "Bob: acts (2)");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let mistakes = [
        "-- Alise: acts\nselect 1;",
        "-- bob: acts\nselect 1;",
        "-- Bob: acts\nselect 1;\n\n-- Alise: acts\nselect 1;",
        "-- Bob: acts\nselect 1;\n--> postgress: UPDATE 1",
        "-- Bob: acts\n-- Alice: acts\nselect 1;",
        "-- Bob: acts\n--> UPDATE 1\nselect 1;",
        "--> UPDATE 1",
        "-- Bob: acts\nselect 1",
        "-- Bob: acts\nselect 'a;\n-- Alice: acts\nselect 1;",
        "-- Bob: acts\nselect (1;",
        "-- Bob: acts\nselect 1; --> UPDATE 1",
        "-- Bob: acts\nselect 1;\n--> UPDATE 1\nselect 2;",
        "-- Bob: acts\nselect 1;\n--> waits for Alic",
        "-- Bob: acts\nselect 1;\n--> waits for Bob",
        "-- Bob: acts\nselect 1;\n--> Bob resumes: UPDATE 1",
        "-- Bob: acts\nselect 1;\n--> Zoe resumes: UPDATE 1",
        "-- Bob: acts\nselect 1;\n--> Alice resumes:",
        "-- Bob: acts\nselect 1;\n--> ERROR oops",
        "-- setup\nselect 1;\n-- setup\nselect 1;",
        "-- setup\nselect 1;\n--> UPDATE 1",
        "-- finally\n",
        "-- setup\nselect 1;",
        "-- seats: seats (a, b)\n-- Bob: acts\nselect 1;",
        "-- isolation: sloppy\n-- Bob: acts\nselect 1;",
        "-- isolation: read committed, serialisable\n-- Bob: acts\nselect 1;",
        "-- isolation: serializable, read committed, serializable\n-- Bob: acts\nselect 1;",
        "-- isolation: ,\n-- Bob: acts\nselect 1;",
        "-- engines: postgre\n-- Bob: acts\nselect 1;",
        "-- sesions: Carol\n-- Bob: acts\nselect 1;",
        "-- invariant: select 1; select 2\n-- Bob: acts\nselect 1;",
        "-- application-name: mine\n-- Bob: acts\nselect 1;",
        "-- Bob: acts\nselect 1;\n-- pause 300\n",
        "-- Bob: acts\nselect 1;\n-- pause 1 min\n",
        "-- Bob: acts\nselect 1;\n-- pause 1 s\nselect 2;",
        "-- sessions: Carol\n-- Bob: acts\nselect 1;",
        "select 1;",
    ];
    let told = mistakes.map(|text| format!("{text}\n  => {}\n", body(text).unwrap_err()));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn mistakes_in_the_head_are_named_with_their_place() {
    let names: Vec<String> = (0..61).map(|n| format!("S{n}")).collect();
    let many = format!("-- Title\n-- sessions: {}\n", names.join(", "));
    let mistakes = [
        "",
        "\n\n",
        "select 1;",
        "-- setup\nselect 1;",
        "-- Title\n-- story\nselect 1;",
        "-- Title\n-- sessions:\n",
        "-- Title\n-- sessions: Alice, Alice\n",
        "-- Title\n-- sessions: Alice, 2nd\n",
        "-- Title\n-- sessions: Alice, setup\n",
        &many,
    ];
    let told = mistakes.map(|text| {
        let text: String = text.chars().take(40).collect();
        let all = if text.contains("S0") { &many } else { &text };
        format!("{text}\n  => {}\n", parsed(all).unwrap_err())
    });
    insta::assert_snapshot!(told.join("\n"));
}

/// A story, steps and expectations of every kind, put together at random.
fn files() -> impl Strategy<Value = String> {
    let paragraph = "[a-z]{1,12}( [a-z:]{1,30}){3,12}";
    let arrow = prop::sample::select(&[
        "UPDATE 1",
        "A | 4 |",
        "(2 rows)",
        "postgres: waits for Bob",
        "dsql: ERROR 40001 (OC000)",
        "",
        "Bob resumes: COMMIT",
        "\"INSERT\" | * | a",
        "rows in any order:",
        "only a: 1 | b: *",
        "either: UPDATE 1 | or: Bob: ERROR 40P01 and ERROR 55P03",
        "postgres at serializable: ERROR 40001",
        "waits for prepared transaction x, then UPDATE 1",
        "(a, b)",
        "NOTICE 00000: hello",
        "Bob: NOTIFY ch: x from Alice",
        "lost: FATAL 57P01",
    ]);
    let sql =
        prop::sample::select(&["select 1;", "-- why\nselect ';'\n  from a;", "begin; select 2;"]);
    let step = (sql, prop::collection::vec(arrow, 0..3)).prop_map(|(sql, arrows)| {
        let arrows = arrows.iter().fold(String::new(), |all, arrow| format!("{all}--> {arrow}\n"));
        format!("-- Alice: does it\n{sql}\n{arrows}\n")
    });
    let story = prop::collection::vec(paragraph, 0..3);
    (story, prop::collection::vec(step, 1..4)).prop_map(|(story, steps)| {
        let story = story.iter().fold(String::new(), |all, told| format!("{all}-- {told}\n--\n"));
        format!(
            "-- Title\n--\n{story}-- sessions: Alice, Bob\n\n-- setup\nselect 1;\n\n{}",
            steps.concat()
        )
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(file in files()) {
        let Ok(scenario) = parsed(&file) else { return Ok(()) };
        let again = parsed(&render(&scenario));
        prop_assert_eq!(again.map(without_lines), Ok(without_lines(scenario)));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(-- |-->|Alice|Bob|:|setup|finally|select 1;|sessions|[\n \
        ;'$/*a|é])*") {
        let _ = (parsed(&text), body(&text));
    }
}

#[test]
fn a_session_may_speak_to_etcd() {
    let text = "-- Title\n-- sessions: Alice, Lock\n-- session Lock: etcd\n\n-- Lock: locks\n\
                lock seats/A-4 lease :lease;\nget seats/ prefix;\n--> (1 row)\n";
    let scenario = parsed(text).unwrap();
    assert_eq!(scenario.etcd_sessions(), [&SessionName::new("Lock")]);
    assert_eq!(scenario.language_of(&SessionName::new("Alice")), Language::Sql);
    let again = parsed(&render(&scenario)).unwrap();
    assert_eq!(without_lines(again), without_lines(scenario));
}

#[test]
fn what_is_no_command_of_etcds_is_a_mistake_in_the_file() {
    let problem = |lines: &str| {
        let head = "-- Title\n-- sessions: Alice, Lock\n";
        parsed(&format!("{head}{lines}\n-- Lock: acts\nselect 1;\n")).unwrap_err().to_string()
    };
    let told = problem("-- session Lock: etcd\n");
    assert!(told.starts_with("a.sql:5:1: Lock: acts: select is no command of etcd's; "), "{told}");
    for (lines, expected) in [
        ("-- session Look: etcd", "a.sql:3:12: there is no session called Look; "),
        ("-- session Lock: zookeeper", "a.sql:3:18: zookeeper is nothing that a session can "),
        ("-- session Lock: etcd\n-- session Lock: etcd", "a.sql:4:1: what Lock speaks is said "),
    ] {
        let told = problem(lines);
        assert!(told.starts_with(expected), "{told}");
    }
}
