//! A plan without a screen: two programs that nobody here wrote (psql with a script), let go in its
//! order, and the database checked afterwards.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SETUP: &str = "create table bookings (seat int, who text);";

/// Books the seat if nobody has: a check, and then an insert.
const BOOK: &str = "begin;
select count(*) = 0 as free from bookings where seat = 1 \\gset
\\if :free
insert into bookings values (1, :'who');
\\endif
commit;
";

/// The same in one statement, which cannot race at the wire.
const INSERT: &str = "insert into bookings select 1, :'who'
 where not exists (select from bookings where seat = 1);
";

const RACE: &str = "overbooked plan 1
# Both look before either writes.

alice: reads bookings | select count(*) = ? as free from bookings where seat = ?
bob: reads bookings | select count(*) = ? as free from bookings where seat = ?
alice: inserts | insert into bookings values (?, ?)
bob: inserts | insert into bookings values (?, ?)
";

const CHECK: &str = "select count(*) <= 1 from bookings where seat = 1";

struct Play {
    folder: tempfile::TempDir,
}

impl Play {
    fn of(script: &str, plan: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder };
        this.put("setup.sql", SETUP);
        this.put("book.sql", script);
        this.put("race.plan", plan);
        this.put("reset.sql", "truncate bookings");
        this
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let program = |who: &str| format!("{who}=psql -X -q -At -v who={who} -f book.sql");
        let output: Output = Command::new(env!("CARGO_BIN_EXE_overbooked"))
            .args(["debug", "--setup", "setup.sql", "--plan", "race.plan"])
            .args(["--actor", &program("alice"), "--actor", &program("bob")])
            .args(arguments)
            .env_remove("OVERBOOKED_URL")
            .env("HOME", self.path())
            .current_dir(self.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
}

#[test]
fn a_race_is_replayed_every_time_and_shrunk_to_what_it_needs() {
    let play = Play::of(BOOK, RACE);
    let (code, told, complaints) = play.run(&[
        "--check",
        CHECK,
        "--reset",
        "reset.sql",
        "--repeat",
        "20",
        "--shrink",
        "short",
    ]);
    assert_eq!(code, 1, "{told}{complaints}");
    assert!(told.contains("the check was broken in 20 of 20 runs\n"), "{told}");
    let shortest = fs::read_to_string(play.path().join("short")).unwrap();
    let releases = shortest.lines().filter(|line| line.contains(" | ")).count();
    assert!((1..=4).contains(&releases), "{shortest}");
    // What is left is as good as the whole.
    play.put("race.plan", &shortest);
    let (code, told, _) = play.run(&["--check", CHECK, "--reset", "reset.sql", "--repeat", "5"]);
    assert_eq!(code, 1);
    assert!(told.contains("the check was broken in 5 of 5 runs\n"), "{told}");
}

#[test]
fn a_mended_program_is_clean_in_the_same_order() {
    let play = Play::of(BOOK, RACE);
    play.put("setup.sql", "create table bookings (seat int unique, who text);");
    let (code, told, complaints) = play.run(&["--check", CHECK]);
    assert_eq!(code, 0, "{told}{complaints}");
    assert!(told.starts_with("run 1 of 1: the check holds"), "{told}");
}

#[test]
fn a_plan_that_no_longer_fits_says_where_with_both_statements() {
    let play = Play::of(&BOOK.replace("select count(*) = 0", "select count(who) = 0"), RACE);
    let (code, told, _) = play.run(&["--check", CHECK]);
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("step 1 of the plan no longer fits"), "{told}");
    assert!(
        told.contains("select count(*) = ? as free") && told.contains("what came is"),
        "{told}"
    );
}

#[test]
fn statements_that_cannot_race_at_the_wire_meet_inside_the_gate() {
    let together = "overbooked plan 1
gate: bookings

alice + bob: inserts | insert into bookings select ?, ? where not exists (select from bookings \
         where seat = ?)
";
    let play = Play::of(INSERT, together);
    let (code, told, complaints) =
        play.run(&["--check", CHECK, "--reset", "reset.sql", "--repeat", "10"]);
    assert_eq!(code, 1, "{told}{complaints}");
    assert!(told.contains("the check was broken in 10 of 10 runs\n"), "{told}");
    let apart = together.replace("alice + bob", "alice")
        + "bob: inserts | insert into bookings \
        select ?, ? where not exists (select from bookings where seat = ?)\n";
    play.put("race.plan", &apart);
    let (code, told, _) = play.run(&["--check", CHECK, "--reset", "reset.sql", "--repeat", "10"]);
    assert_eq!(code, 0, "one after the other they are clean: {told}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_started() {
    let play = Play::of(BOOK, RACE);
    for (arguments, words) in [
        (&["--shrink"][..], "--shrink needs --check"),
        (&["--listen", "0.0.0.0:0"], "cannot listen on 0.0.0.0:0: debug asks nobody"),
        (&["--actor", "carol"], "--actor: \"carol\" is not a name and how it comes"),
        (&["--actor", "alice=127.0.0.1:0"], "--actor: alice is named twice"),
        (&["--check", "select 1"], "the check must answer one boolean"),
        (&["--check", "select nothing from nowhere"], "relation \"nowhere\" does not exist"),
        (&["--reset", "nowhere.sql"], "--reset: cannot read nowhere.sql"),
        (&["--gate", "a b"], "--gate: \"a b\" is not a table's name"),
    ] {
        let (code, told, complaints) = play.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {told}{complaints}");
        assert!(complaints.contains(words), "{arguments:?}: {complaints}");
        // The server's own source has lines, too.
        assert!(!complaints.contains(" at line "), "{complaints}");
    }
    play.put("race.plan", "overbooked plan 2\n");
    let (code, _, complaints) = play.run(&[]);
    assert_eq!(code, 2);
    assert!(complaints.contains("--plan: race.plan: "), "{complaints}");
}

#[test]
fn refusals_are_counted_and_told_at_the_end() {
    let play = Play::of(BOOK, "overbooked plan 1\n");
    let (code, told, complaints) = play.run(&["--refuse", "commit:every 1", "--check", CHECK]);
    assert_eq!(code, 0, "no COMMIT has come through: {told}{complaints}");
    assert!(told.ends_with("refused 2, retried 0, given up 2\n"), "{told}");
}

/// Whoever has written once in its transaction has been at the gate, and can come there again.
#[test]
fn a_transaction_meets_another_more_than_once() {
    let script = "begin;
insert into bookings values (1, :'who');
insert into bookings values (2, :'who');
commit;
";
    let insert = "inserts | insert into bookings values (?, ?)";
    let meetings = format!(
        "overbooked plan 1\ngate: bookings\n\nalice + bob: {insert}\nalice + bob: {insert}\nalice \
         + bob: commits | commit\n"
    );
    let play = Play::of(script, &meetings);
    let (code, told, complaints) =
        play.run(&["--check", "select count(*) = 4 from bookings", "--reset", "reset.sql"]);
    assert_eq!(code, 0, "{told}{complaints}");
}

#[test]
fn a_program_that_does_not_end_proves_nothing() {
    let play = Play::of("select 1 / 0;\n", "overbooked plan 1\n\ncarol: commits | commit\n");
    let carol = "carol=psql -X -q -c 'select pg_sleep(0.1)'";
    let (code, told, _) = play.run(&["--actor", carol, "--check", "select false"]);
    assert_eq!(code, 4, "{told}");
    assert!(!told.contains("was broken"), "{told}");
}

/// Of a program that has not come to the database, a check that holds says nothing.
#[test]
fn an_actor_that_has_sent_nothing_proves_nothing() {
    let play = Play::of(BOOK, "overbooked plan 1\n");
    let (code, told, _) = play.run(&["--actor", "carol=exit 9", "--check", "select true"]);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("carol has sent no statement, so nothing is known"), "{told}");
    assert!(!told.contains("the check holds"), "{told}");
    let carol = "carol=psql -X -q -c 'select 1'; sleep 60";
    let arguments = ["--actor", carol, "--check", "select true", "--patience", "1"];
    let (code, told, _) = play.run(&arguments);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("carol does not end within 3 s (--patience), and was ended"), "{told}");
}

#[test]
fn a_table_that_is_not_there_is_named() {
    let play = Play::of(BOOK, "overbooked plan 1\n");
    let (code, _, complaints) = play.run(&["--watch", "nosuch", "--watch", "bookings"]);
    assert_eq!(code, 0, "{complaints}");
    assert!(complaints.contains("--watch: there is no table \"nosuch\""), "{complaints}");
    assert_eq!(complaints.matches("--watch").count(), 1, "{complaints}");
}
