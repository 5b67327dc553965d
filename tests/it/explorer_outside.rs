//! Programs that nobody here wrote, explored: every order of their statements, as far as two of
//! them can be told apart.

use std::path::Path;

use overbooked::commands::cli::EngineArgs;
use overbooked::commands::explore_programs::{Manner, ProgramsArgs, Told, run};
use overbooked::core::scenario::Isolation;
use overbooked::debugger::plan::Plan;
use overbooked::explorer::search::Mode;
use overbooked::explorer::serial::Verdict;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::debug_programs::program::{Language, Program};

const SOLD_ONCE: &str = "select count(*) <= 1 from sales";

const BUYER: Program = Program::new(Language::Python, "tests/programs/buyer.py");

/// The same in psql's own language, which starts at once.
const QUICK_BUYER: &str = "begin;\n\
    select count(*) = 0 as is_free from sales \\gset\n\
    \\if :is_free\n\
    insert into sales values (:'who');\n\
    \\endif\n\
    commit;\n";

/// A table of sales, and these programs.
fn programs(folder: &Path, actors: &[(&str, String)]) -> ProgramsArgs {
    let written = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let setup = "create table sales (buyer text primary key, nth serial);";
    let reset = written("reset.sql", "truncate sales");
    ProgramsArgs {
        actor: actors.iter().map(|(name, command)| format!("{name}={command}")).collect(),
        reset: Some(reset.display().to_string()),
        check: Some(SOLD_ONCE.to_owned()),
        setup: Some(written("setup.sql", setup)),
        ..ProgramsArgs::default()
    }
}

/// Buyers of the only ticket.
fn buyers(folder: &Path, names: &[&'static str]) -> ProgramsArgs {
    let buyer = |name: &&'static str| (*name, format!("{} {name}", BUYER.shell()));
    programs(folder, &names.iter().map(buyer).collect::<Vec<_>>())
}

fn quick_buyers(folder: &Path, names: &[&str]) -> ProgramsArgs {
    let script = folder.join("buy.psql");
    std::fs::write(&script, QUICK_BUYER).unwrap();
    let command = |name: &str| format!("psql -qX -v who={name} -f '{}'", script.display());
    programs(folder, &names.iter().map(|name| (*name, command(name))).collect::<Vec<_>>())
}

fn has_psql() -> bool {
    let is_had = std::process::Command::new("psql").arg("--version").output().is_ok();
    if !is_had {
        eprintln!("left out: there is no psql");
    }
    is_had
}

async fn explored(arguments: &ProgramsArgs, engine: &EngineArgs, orders: Mode) -> Told {
    let (news, _heard) = mpsc::unbounded_channel();
    let manner = Manner { orders, budget: None, repeat: 1 };
    let told = run(arguments, engine, manner, &news, &CancellationToken::new()).await;
    told.unwrap().unwrap()
}

fn wrong(told: &Told) -> Vec<String> {
    let classes = told.explored.found.classes.iter().zip(&told.explored.witnesses);
    let wrong = classes.filter(|(judged, _)| !judged.class.broken.is_empty());
    wrong
        .map(|(judged, witness)| {
            assert!(matches!(judged.verdict, Some(Verdict::Anomaly { .. })), "{judged:?}");
            witness.plan.sentence()
        })
        .collect()
}

#[tokio::test]
async fn two_buyers_are_found_to_buy_one_ticket() {
    if !BUYER.is_had() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ProgramsArgs {
        plans: Some(folder.path().join("plans")),
        ..buyers(folder.path(), &["alice", "bob"])
    };
    let told = explored(&arguments, &EngineArgs::default(), Mode::Reduced).await;
    let sold_twice = wrong(&told);
    assert_eq!(sold_twice.len(), 1, "{:#?}", told.explored.found);
    assert!(told.is_wrong() && told.explored.found.is_complete);
    // The witness is a plan that the debugger reads.
    let plans = std::fs::read_dir(folder.path().join("plans")).unwrap();
    let plans = plans.map(|plan| std::fs::read_to_string(plan.unwrap().path()).unwrap());
    let mut plans = plans.map(|plan| plan.parse::<Plan>().unwrap());
    let plan = plans.find(|plan| plan.sentence() == sold_twice[0]).unwrap();
    assert_eq!(plan.releases.len(), 6, "{plan}");
    assert_eq!(
        sold_twice[0],
        "alice reads sales · alice inserts into sales · bob reads sales · bob inserts into sales · \
         bob commits · alice commits"
    );
}

#[tokio::test]
async fn every_order_of_two_buyers_comes_to_the_same_classes_as_the_reduced_ones() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = quick_buyers(folder.path(), &["alice", "bob"]);
    let classes = async |orders| {
        let found = explored(&arguments, &EngineArgs::default(), orders).await.explored.found;
        let classes = found.classes.into_iter().map(|it| (it.class.outcome, it.class.orders));
        let mut classes: Vec<_> = classes.map(|class| format!("{class:?}")).collect();
        classes.sort();
        classes
    };
    let reduced = classes(Mode::Reduced).await;
    assert_eq!(reduced, classes(Mode::Every).await);
}

#[tokio::test]
async fn at_serializable_no_order_sells_it_twice() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = quick_buyers(folder.path(), &["alice", "bob"]);
    let engine = EngineArgs { isolation: Some(Isolation::Serializable), ..EngineArgs::default() };
    let told = explored(&arguments, &engine, Mode::Reduced).await;
    assert_eq!(wrong(&told), [""; 0]);
    assert!(!told.is_wrong(), "{:#?}", told.explored.found);
}

#[tokio::test]
async fn three_buyers_are_explored_in_a_fraction_of_their_orders() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = quick_buyers(folder.path(), &["alice", "bob", "carol"]);
    let told = explored(&arguments, &EngineArgs::default(), Mode::Reduced).await;
    println!("{}", overbooked::explorer::report::text(&told.exploration));
    // One of them alone, any two of them, or all three.
    assert_eq!((told.explored.found.classes.len(), wrong(&told).len()), (7, 4));
    assert!(told.explored.found.is_complete);
    // Rows with other keys do not meet: what is left are the orders of who reads before whom.
    assert!(told.explored.found.plays <= 40, "{}", told.explored.found.plays);
}

/// The real program with these words behind its name.
fn overbooked(words: &[String]) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_overbooked");
    let output = std::process::Command::new(program).args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn words(command: &str, arguments: &ProgramsArgs) -> Vec<String> {
    let mut words = vec![command.to_owned()];
    let mut add = |name: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    };
    add("--setup", arguments.setup.as_ref().map(|it| it.display().to_string()));
    add("--reset", arguments.reset.clone());
    add("--check", arguments.check.clone());
    arguments.actor.iter().for_each(|actor| add("--actor", Some(actor.clone())));
    words
}

#[test]
fn each_plan_comes_to_its_class_again_when_the_debugger_plays_it() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = quick_buyers(folder.path(), &["alice", "bob"]);
    let plans = folder.path().join("plans").display().to_string();
    let explore = [words("explore", &arguments), vec!["--plans".to_owned(), plans.clone()]];
    let (code, said) = overbooked(&explore.concat());
    assert_eq!(code, 1, "{said}");
    let is_broken = |line: &&str| line.starts_with('\u{2717}') || line.starts_with('\u{2714}');
    let told: Vec<bool> =
        said.lines().filter(is_broken).map(|line| line.contains("breaks the check")).collect();
    assert_eq!(told, [false, false, true], "{said}");
    for (number, is_broken) in told.into_iter().enumerate() {
        let plan = format!("{plans}/{}.plan", number + 1);
        let debug = [words("debug", &arguments), vec!["--plan".to_owned(), plan]];
        let (code, said) = overbooked(&debug.concat());
        assert_eq!(code, i32::from(is_broken), "{number}: {said}");
    }
}

#[test]
fn a_program_that_does_not_end_is_named_and_ended() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let insert = "psql -qXc \"insert into sales values ('alice')\"";
    let command = format!("{insert}; sleep 1000 & echo $! > '{}'; wait", pid.display());
    let arguments = programs(folder.path(), &[("alice", command)]);
    let patience = ["--patience", "1"].map(str::to_owned).to_vec();
    let (code, said) = overbooked(&[words("explore", &arguments), patience].concat());
    assert_eq!(code, 5, "{said}");
    let told = "alice inserts into sales, and has neither sent anything more nor ended for 10 s";
    assert!(said.contains(told), "{said}");
    let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    // Ended, and perhaps not yet collected by whoever collects orphans here.
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[test]
fn what_says_nothing_what_fails_and_what_is_not_put_back_are_told() {
    if !has_psql() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let told = |command: &str, reset: &str| {
        let mut arguments = programs(folder.path(), &[("alice", command.to_owned())]);
        arguments.reset = Some(reset.to_owned());
        overbooked(&words("explore", &arguments))
    };
    let (code, said) = told("echo an error of its own >&2; exit 3", "true");
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("alice ended with exit code 3: an error of its own"), "{said}");
    let (code, said) = told("true", "true");
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("is it connected to DATABASE_URL"), "{said}");
    let insert = "psql -qXc 'insert into sales values (gen_random_uuid())'";
    let (code, said) = told(insert, "true");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--reset must put everything back"), "{said}");
    let (code, said) = told(insert, "false");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--reset: the command failed"), "{said}");
}

/// Its second connection waits for its first, so it never goes on.
const WAITS_FOR_ITSELF: Program = Program::new(Language::Python, "tests/programs/itself.py");

#[tokio::test]
async fn a_program_that_waits_for_itself_is_an_outcome() {
    if !WAITS_FOR_ITSELF.is_had() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let command = WAITS_FOR_ITSELF.shell();
    let arguments =
        ProgramsArgs { patience: Some(1), ..programs(folder.path(), &[("alice", command)]) };
    let told = explored(&arguments, &EngineArgs::default(), Mode::Reduced).await;
    let said = overbooked::explorer::report::text(&told.exploration);
    assert!(said.contains("still waits"), "{said}");
    assert!(!said.contains("signal"), "{said}");
}
