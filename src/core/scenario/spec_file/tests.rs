//! Specifications small enough to read, and the mistakes in them.

use proptest::prelude::*;

use super::*;

const SPEC: &str = "\
# What it is about,
# in two lines.
setup { CREATE TABLE t (a int);
}
setup\t{ INSERT INTO t VALUES (1); }
teardown { DROP TABLE t; }

session s1
setup { BEGIN; }
step a1 { SELECT '
  '; }
step \"a \"\"2\"\"\" { COMMIT; }
teardown { RESET ALL; }
session s2
step b1 { SELECT 2; }

permutation a1 b1(*) \"a \"\"2\"\"\"(b1 notices 2, b1)
permutation \"a \"\"2\"\"\" a1
";

fn parsed(text: &str) -> Result<Scenario, Mistake> {
    parse(text, Path::new("a.spec"), "a")
}

fn mistake(text: &str) -> String {
    parsed(text).unwrap_err().to_string()
}

#[test]
fn all_of_a_specification_is_read() {
    let spec = parsed(SPEC).unwrap();
    assert_eq!(spec.story, ["What it is about, in two lines."]);
    let setup: Vec<_> = spec.setup.iter().map(|statement| statement.sql.as_str()).collect();
    assert_eq!(setup, ["CREATE TABLE t (a int);\n", "INSERT INTO t VALUES (1);"]);
    let teardown: Vec<_> = spec.teardown.iter().map(|statement| statement.sql.as_str()).collect();
    assert_eq!(teardown, ["DROP TABLE t;"]);
    assert_eq!(spec.sessions[0].setup.as_deref(), Some("BEGIN;"));
    assert_eq!(spec.sessions[0].teardown.as_deref(), Some("RESET ALL;"));
    let names: Vec<_> = spec.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a1", "a \"2\"", "b1"]);
    assert_eq!(spec.steps[0].sql, "SELECT '\n  ';");
    assert_eq!((spec.steps[0].line, spec.steps[2].line), (10, 15));
}

#[test]
fn permutations_have_their_markers() {
    let spec = parsed(SPEC).unwrap();
    let markers = vec![Marker::Notices { step: 2, count: 2 }, Marker::After(2)];
    let first = vec![
        Launch { step: 0, markers: vec![] },
        Launch { step: 2, markers: vec![Marker::Once] },
        Launch { step: 1, markers },
    ];
    assert_eq!(spec.schedules.first().launches, first);
    assert_eq!(spec.schedules.count(), Some(2));
}

#[test]
fn without_permutations_every_interleaving_runs() {
    let spec = parsed("session a step a1 {1} step a2 {2} session b step b1 {3}").unwrap();
    let orders: Vec<Vec<usize>> = spec
        .schedules
        .iter()
        .map(|schedule| schedule.launches.iter().map(|launch| launch.step).collect())
        .collect();
    assert_eq!(orders, [[0, 1, 2], [0, 2, 1], [2, 0, 1]]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, expected) in [
        ("", "a.spec:1:1: expected `session`, not the end of the file"),
        ("session a", "a.spec:1:10: expected `step`, not the end of the file"),
        (
            "session step",
            "a.spec:1:9: expected the session's name, not the keyword step; quote it if \
             it is a name: \"step\"",
        ),
        ("session a step a1 {", "a.spec:1:19: unterminated sql block; close it with `}`"),
        (
            "session \"a\n\"",
            "a.spec:1:11: unexpected newline in quoted identifier; close it with `\"`",
        ),
        ("session \"a", "a.spec:1:9: unterminated quoted identifier; close it with `\"`"),
        (
            "session a step a1 {1}\nstep a1 {2}",
            "a.spec:2:6: duplicate step name: a1; the first one is on line 1",
        ),
        (
            "session a step a1 {1} permutation a2",
            "a.spec:1:35: undefined step \"a2\" specified in permutation; did you mean a1?",
        ),
        (
            "session a step a1 {1} permutation",
            "a.spec:1:23: the permutation has no steps; name the steps in the order in which they \
             run",
        ),
        (
            "session a step a1 {1} step a2 {2} permutation a1 a2(a1)",
            "a.spec:1:53: permutation step \"a2\" cannot block on its own session",
        ),
        (
            "session a step a1 {1} session b step b1 {2} permutation a1(b1)",
            "a.spec:1:60: undefined blocking step \"b1\" referenced in permutation step \"a1\"; \
             name a step of this permutation",
        ),
        ("session a step a1 {1} permutation a1(* *)", "a.spec:1:40: expected `,` or `)`, not `*`"),
        (
            "session a\n step a1 {1\0}",
            "a.spec:2:12: a zero byte, which no server accepts; is it a text file?",
        ),
        ("session a step a1 {1} ;", "a.spec:1:23: unexpected character \";\""),
        (
            "session a step a1 {1} permutation a1(a1 notices)",
            "a.spec:1:48: expected the number of notices, not `)`",
        ),
    ] {
        assert_eq!(mistake(text), expected);
    }
}

#[test]
fn more_sessions_than_a_screen_holds_are_read_for_a_test_alone() {
    let sessions: Vec<String> = (1..=61).map(|n| format!("session s{n} step a{n} {{1}}")).collect();
    let text = sessions.join("\n");
    let expected = "a.spec:61:9: 61 sessions are too many; a scenario can have at most 60; \
        `overbooked spec` takes more";
    assert_eq!(mistake(&text), expected);
    let spec = parse_of_any_size(&text, Path::new("a.spec"), "a").unwrap();
    assert_eq!(spec.sessions.len(), 61);
}

#[test]
fn ten_thousand_steps_keep_their_lines() {
    let steps: Vec<String> = (0..10_000).map(|n| format!("step s{n} {{ select {n}; }}")).collect();
    let order: Vec<String> = (0..10_000).rev().map(|n| format!("s{n}")).collect();
    let text = format!("session a\n{}\npermutation {}", steps.join("\n"), order.join(" "));
    let spec = parsed(&text).unwrap();
    assert_eq!(spec.steps[9_999].line, 10_001);
    assert_eq!(spec.schedules.first().launches[0].step, 9_999);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "(session|step|setup|permutation|teardown|notices|[a-c]|\\{1\\}|\
            [ \n\"{}(),*#0-9é])*",
    ) {
        let _ = parsed(&text);
    }
}
