//! psql's commands as this program carries them out, held against psql itself: what it prints for
//! the same lines, byte for byte.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use overbooked::cluster::{SUPERUSER, Version};
use overbooked::core::event::answer::stands_under_a_result;
use overbooked::core::event::answer::{Answer, Outcome};
use overbooked::core::event::{Event, Form, Kind, SessionName, SubmissionId, Typed};
use overbooked::core::psql::{Prepared, Settings};
use overbooked::core::syntax::Strings;
use overbooked::reports::psql::{self, Verbosity};
use overbooked::run::session::{Session, SessionOptions};
use tokio::sync::mpsc;

use crate::psql_compare::psql_binary;
use crate::releases::is_after_may_2026;
use crate::support::{self, Database};

/// No answer of these tests takes longer, on any machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Tables with everything that decides a race, and everything else that psql describes.
const SCHEMA: &str = include_str!("psql_commands.sql");

/// What both must print alike. `OWN` is the test's database: the tests beside this one make roles
/// and databases on the same server.
const LISTS: [&str; 32] = [
    "\\d+",
    "\\dt+",
    "\\di+",
    "\\dv+",
    "\\ds+",
    "\\dn+",
    "\\du+ OWN_*",
    "\\l+ nowhere",
    "\\df+",
    "\\dtS pg_am",
    "\\d",
    "\\dt",
    "\\dt *.*seat*",
    "\\dt s.*",
    "\\dt pub*.h?lls",
    "\\dt \"Mixed Case\"",
    "\\dt MIXED*",
    "\\dt nowhere",
    "\\dt nobody.*",
    "\\di",
    "\\dv",
    "\\dm",
    "\\ds",
    "\\ds *.*",
    "\\df",
    "\\df public.*",
    "\\dn",
    "\\dn s*",
    "\\du overbooked",
    "\\du OWN_*",
    "\\l OWN",
    "\\l nowhere",
];

const DESCRIBED: [&str; 26] = [
    "\\d seats",
    "\\d public.tickets",
    "\\d halls",
    "\\d free",
    "\\d sold",
    "\\d log",
    "\\d log_2024",
    "\\d log_rest",
    "\\d s.numbers",
    "\\d seats_free",
    "\\d seats_pkey",
    "\\d log_what_idx",
    "\\d s.fast",
    "\\d s.fast_pkey",
    "\\d parent",
    "\\d child",
    "\\d typed",
    "\\d pair",
    "\\d excl",
    "\\d excl_r_excl",
    "\\d tickets_id_seq",
    "\\d seats_version_seq",
    "\\d \"Mixed Case\"",
    "\\d Seats;",
    "\\d log*",
    "\\d nowhere",
];

const RECORDS: [&str; 11] = [
    "select 1 as a, 'two' as \"long name\", null as n \\gx",
    "select E'one\\ntwo' as a, 1 as b, E'x\\ny\\nz' as c \\gx",
    "select 1 as \"a\nb\", E'p\\nq' as c \\gx",
    "select where false \\gx",
    "select from generate_series(1, 2) \\gx",
    "select 1 as a where false \\gx",
    "select n, repeat('x', n) as x from generate_series(1, 12) as n \\gx",
    "select 1 as averyverylongcolumnname \\gx",
    "select '漢字' as \"表\", E'12345678\\nb' as a \\gx",
    "select 'ab' as abcdefghijkl, 1 as b \\gx",
    "select E'a long\\nand a much longer second line' as a, 'x' as b \\gx",
];

/// Lines that depend on each other.
const CONVERSATION: [&str; 20] = [
    "\\x",
    "select 1 as one;",
    "\\x off",
    "\\set seat 'A-4'",
    "\\set all :seat :seat",
    "\\echo :seat :all :'seat' :\"seat\" :nothing \"two words\"",
    "select :'seat' as seat, :'all' as \"all\";",
    "select 7 as id, null as nobody \\gset my_",
    "\\echo :my_id :my_nobody",
    "select :my_id + 1 as next;",
    "\\g",
    "\\gx",
    "select 1 as a where false \\gset",
    "select generate_series(1, 2) as a \\gset",
    "create temporary table kept (a int); insert into kept values (5) returning a \\gset",
    "\\echo :a",
    "\\unset seat",
    "\\echo :seat",
    "\\x bla",
    "\\x auto",
];

async fn filled() -> Database {
    let database = Database::create().await;
    let mut session = Talk::open(&database);
    session.say(SCHEMA).await;
    database
}

/// What psql prints for these lines on standard output, standard error after it.
fn by_psql(database: &Database, lines: &[&str]) -> String {
    let server = support::server();
    let mut command = Command::new(psql_binary());
    command.args(["-X", "-U", SUPERUSER, "-d", database.name(), "-h"]);
    command.arg(server.folder()).args(["-p", &server.port().to_string()]);
    command.env("LC_ALL", "C.UTF-8").env("PGCLIENTENCODING", "UTF8");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut psql = command.spawn().expect("psql runs");
    let text = lines.join("\n") + "\n";
    std::io::Write::write_all(&mut psql.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = psql.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    without_blanks(&(text(output.stdout) + &text(output.stderr)))
}

/// psql has an empty line after every result, and its own name before its own mistakes.
fn without_blanks(text: &str) -> String {
    let said = |line: &str| match line.strip_prefix("psql:") {
        Some(rest) => rest.split_once("error: ").map_or(rest, |(_, said)| said).to_owned(),
        None => line.to_owned(),
    };
    text.lines().filter(|line| !line.is_empty()).map(|line| said(line) + "\n").collect()
}

/// A session into which lines are typed, drawn as psql prints them.
struct Talk {
    session: Session,
    events: mpsc::Receiver<Event>,
    settings: Settings,
    variables: BTreeMap<String, String>,
    submissions: u64,
}

impl Talk {
    fn open(database: &Database) -> Self {
        let (told, events) = mpsc::channel::<Event>(16);
        let options = SessionOptions {
            application: "overbooked/test".to_owned(),
            name: SessionName::new("Alice"),
            target: database.target(),
            prelude: vec![],
            clock: Instant::now(),
            guardian: None,
        };
        let session = Session::start(options, told);
        let (settings, variables) = (Settings::default(), BTreeMap::new());
        Self { session, events, settings, variables, submissions: 0 }
    }

    async fn say(&mut self, line: &str) -> String {
        match self.settings.prepare(line, &self.variables, Strings::default()) {
            Prepared::Local(Typed { answer: Form::Set { name, value }, .. }) => {
                match value {
                    Some(value) => _ = self.variables.insert(name, value),
                    None => _ = self.variables.remove(&name),
                }
                String::new()
            }
            Prepared::Local(Typed { answer: Form::Said(text), .. }) => {
                text.lines().map(|line| line.to_owned() + "\n").collect()
            }
            Prepared::Local(typed) => panic!("{typed:?}"),
            Prepared::Send { sql, typed } => {
                let form = typed.map(|typed| typed.answer).unwrap_or_default();
                self.ask(&sql, &form).await
            }
        }
    }

    async fn ask(&mut self, sql: &str, form: &Form) -> String {
        self.submissions += 1;
        self.session.submit(SubmissionId(self.submissions), Arc::from(sql), None);
        let mut answer = Answer::default();
        let mut text = String::new();
        loop {
            let event = tokio::time::timeout(DEADLINE, self.events.recv()).await;
            let kind = event.expect("an event in time").expect("an open session").kind;
            if matches!(kind, Kind::Ready { .. }) {
                return text;
            }
            for line in self.drawn(answer.apply(&kind), sql, form) {
                text += &(line + "\n");
            }
        }
    }

    fn drawn(&mut self, outcome: Option<Outcome>, sql: &str, form: &Form) -> Vec<String> {
        match outcome {
            Some(Outcome::Result { columns, rows, count, tag }) => {
                if let (Form::Kept { prefix }, [row]) = (form, &rows[..]) {
                    for (column, value) in columns.iter().zip(row) {
                        let name = format!("{prefix}{}", column.name);
                        self.variables.extend(value.clone().map(|value| (name, value)));
                    }
                }
                let lines = psql::answer(form, &columns, &rows, count, None).into_iter();
                let tag = Some(tag).filter(|tag| stands_under_a_result(tag));
                lines.map(|(_, text)| text).chain(tag).collect()
            }
            Some(Outcome::Done { tag }) => vec![tag],
            Some(Outcome::Failed(message)) => psql::message(&message, sql, Verbosity::Default),
            None => Vec::new(),
        }
    }
}

async fn alike(database: &Database, lines: &[&str]) {
    let mut talk = Talk::open(database);
    let mut ours = String::new();
    for line in lines {
        ours += &talk.say(line).await;
    }
    assert_eq!(without_blanks(&ours), by_psql(database, lines), "{lines:?}");
}

#[tokio::test]
async fn lists_are_those_of_psql() {
    let database = filled().await;
    let own = database.name();
    let mut superuser = Talk::open(&database);
    superuser.say(&format!("create role {own}_member; create role {own}_owner createdb;")).await;
    superuser.say(&format!("grant {own}_owner to {own}_member;")).await;
    for line in LISTS {
        alike(&database, &[&line.replace("OWN", own)]).await;
    }
    superuser.say(&format!("drop role {own}_member, {own}_owner;")).await;
}

#[tokio::test]
async fn relations_are_described_as_psql_describes_them() {
    let database = filled().await;
    for line in DESCRIBED {
        alike(&database, &[line]).await;
        alike(&database, &[&line.replace("\\d ", "\\d+ ")]).await;
    }
}

#[tokio::test]
async fn records_are_drawn_as_psql_draws_them() {
    let database = Database::create().await;
    let pads = psql_version().is_some_and(|version| is_after_may_2026(&version));
    for line in RECORDS {
        let mut talk = Talk::open(&database);
        let ours = without_blanks(&talk.say(line).await);
        let theirs = by_psql(&database, &[line]);
        if pads {
            assert_eq!(ours, theirs, "{line}");
        } else {
            assert_eq!(without_padding(&ours), without_padding(&theirs), "{line}");
        }
    }
}

/// Lines of values that go on, without the blanks that a newer psql has before their `+`.
fn without_padding(text: &str) -> String {
    let unpadded = |line: &str| match line.strip_suffix('+') {
        Some(value) => format!("{}+\n", value.trim_end()),
        None => format!("{line}\n"),
    };
    text.lines().map(unpadded).collect()
}

#[tokio::test]
async fn variables_and_repeated_queries_are_those_of_psql() {
    let database = Database::create().await;
    let lines = CONVERSATION.iter().filter(|line| !line.contains("where false \\gset"));
    let lines = lines.filter(|line| !line.contains("generate_series") && **line != "\\x bla");
    let lines: Vec<&str> = lines.copied().collect();
    let split = |line: &&str| match line.split_once("; insert") {
        Some((first, rest)) => vec![format!("{first};"), format!("insert{rest}")],
        None => vec![(*line).to_owned()],
    };
    let lines: Vec<String> = lines.iter().flat_map(split).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    alike(&database, &lines).await;
    // What goes to standard error comes after the rest there.
    for line in CONVERSATION.iter().filter(|line| line.contains("select") && line.contains("gset"))
    {
        alike(&database, &[line.split_once("; ").map_or(*line, |(_, last)| last)]).await;
    }
    alike(&database, &["\\x bla"]).await;
}

#[test]
fn help_is_psqls_own_text() {
    let Some(version) = psql_version() else { return };
    if version.major() != 15 {
        eprintln!("left out: psql here is {version}, and the texts are of 15");
        return;
    }
    let database = "postgres";
    for topic in ["", "begin", "select", "lock table seats", "create", "set tr", "xyzzy1", "*"] {
        let server = support::server();
        let output = Command::new(psql_binary())
            .args(["-X", "-U", SUPERUSER, "-d", database, "-h"])
            .arg(server.folder())
            .args(["-p", &server.port().to_string(), "-c", &format!("\\h {topic}")])
            .env("COLUMNS", "80")
            .output()
            .expect("psql runs");
        let theirs = String::from_utf8(output.stdout).unwrap();
        let line = format!("\\h {topic}");
        let mut settings = Settings::default();
        let prepared = settings.prepare(&line, &BTreeMap::new(), Strings::default());
        let Prepared::Local(Typed { answer: Form::Said(ours), .. }) = prepared else { panic!() };
        let trimmed = |text: &str| {
            let lines = text.trim_end().lines().map(|line| line.trim_end().to_owned() + "\n");
            lines.collect::<String>()
        };
        assert_eq!(trimmed(&ours), trimmed(&theirs), "\\h {topic}");
    }
}

fn psql_version() -> Option<Version> {
    let output = Command::new(psql_binary()).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(2)?.parse().ok()
}
