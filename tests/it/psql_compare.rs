//! Results and errors as this program draws them, held against psql's own, byte for byte.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use overbooked::cluster::SUPERUSER;
use overbooked::core::event::{Column, Event, Kind, Row, SessionName, SubmissionId};
use overbooked::reports::psql::{self, Verbosity};
use overbooked::run::session::{Session, SessionOptions};
use tokio::sync::mpsc;

use crate::support;

/// No answer of these tests takes longer, on any machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// What both must draw alike.
const QUERIES: [&str; 22] = [
    "select 1 as a, 'x' as b",
    "select 'x' as a_long_name, 123456789 as n",
    "select null as nothing, 'right' as r, null::int as number",
    "select * from (values ('A', 4, null), ('B', 15, 'Bob')) as s (seat_row, seat_number, \
     booked_by)",
    "select where false",
    "select",
    "select from generate_series(1, 3)",
    "select 1 as a where false",
    "select '漢字' as \"表\", 'ab' as b union all select 'x', '漢'",
    "select e'e\\u0301' as \"combine\u{301}\", 1 as n",
    "select E'one\\ntwo\\n' as a, 1 as n, E'x\\ny' as b",
    "select E'one\\ntwo' as a, E'x\\ny\\nz' as b, 7 as \"two\nlines\"",
    "select 1 as \"first\nsecond line\nx\", 2 as b",
    "select E'a\\tb\\rc\\x1b[31m\\x7f\\u0085' as control, E'\\t' as tab",
    "select 1::int2 as a, 2::int8 as b, 1.5::float4 as c, 2.5::float8 as d, 3.25::numeric as e, \
     1::money as f",
    "select 1::oid as a, '7'::xid as b, '8'::xid8 as c, '9'::cid as d, true as e, '\\x00ff'::bytea \
     as f",
    "select '{1,2}'::int[] as a, '{\"a\": 1}'::jsonb as b, date '2024-02-29' as c, interval '1 \
     day' as d",
    "select '' as empty, ' padded ' as p, 'end ' as e",
    "select 1 as \"\", 2 as \"?column?\"",
    "select 'å' as \"ñ\", 'Ω≈ç√' as s, '😀' as face, 1 as n",
    "create temporary table t (a int); insert into t values (1) returning a",
    "begin; savepoint s; rollback to s; commit",
];

/// Errors that both must print alike.
const ERRORS: [&str; 9] = [
    "select * from nowhere",
    "select 1,\n  2 frm t, 3",
    "select 'a very long line that goes on and on and on until it is cut', 'and more of it', * \
     from nowhere",
    "select 1 from nowhere, pg_class a, pg_class b, pg_class c, pg_class d, pg_class e, pg_class \
     f, pg_class g",
    "select '漢字漢字漢字漢字漢字', nowhere",
    "select\t1,\tnowhere",
    "select 1/0",
    "do $$ begin raise exception 'all' using detail = 'some', hint = E'two\\nlines'; end $$",
    "select count(nowhere.a) from pg_class, (select * from pg_class) as pg_clas",
];

/// psql as it is on the path, or beside the server that `pg_config` knows.
pub(crate) fn psql_binary() -> PathBuf {
    let config = Command::new("pg_config").arg("--bindir").output();
    let beside =
        config.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let beside = beside.map(|folder| PathBuf::from(folder).join("psql"));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("psql"))
}

/// What psql prints, standard output and error.
fn by_psql(sql: &str) -> (String, String) {
    let server = support::server();
    let output = Command::new(psql_binary())
        .args(["-X", "-U", SUPERUSER, "-d", "postgres", "-h"])
        .arg(server.folder())
        .args(["-p", &server.port().to_string(), "-c", sql])
        .env("LC_ALL", "C.UTF-8")
        .env("PGCLIENTENCODING", "UTF8")
        .output()
        .expect("psql runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

/// What this program draws, in the same two parts.
async fn by_us(sql: &str) -> (String, String) {
    let (told, mut events) = mpsc::channel::<Event>(16);
    let options = SessionOptions {
        application: "overbooked/test".to_owned(),
        name: SessionName::new("Alice"),
        target: support::server().target().with_database("postgres"),
        prelude: vec![],
        clock: Instant::now(),
        guardian: None,
    };
    let session = Session::start(options, told);
    session.submit(SubmissionId(1), Arc::from(sql), None);
    let mut drawn = Drawn::default();
    loop {
        let event = tokio::time::timeout(DEADLINE, events.recv()).await;
        match event.expect("an event in time").expect("an open session").kind {
            Kind::Ready { .. } => return (drawn.output, drawn.errors),
            kind => drawn.apply(kind, sql),
        }
    }
}

/// A submission's answer, drawn as `psql -c` prints it.
#[derive(Default)]
struct Drawn {
    output: String,
    errors: String,
    result: Option<(Vec<Column>, Vec<Row>)>,
}

impl Drawn {
    fn apply(&mut self, kind: Kind, sql: &str) {
        match kind {
            Kind::Columns(columns) => self.result = Some((columns, vec![])),
            Kind::Rows(more) => {
                if let Some((_, rows)) = &mut self.result {
                    rows.extend(more);
                }
            }
            Kind::Done { tag, rows: total } => match self.result.take() {
                Some((columns, rows)) => {
                    self.output += &(psql::result(&columns, &rows, total).join("\n") + "\n\n");
                    if tag.starts_with("INSERT") {
                        self.output += &(tag + "\n");
                    }
                }
                None => self.output += &(tag + "\n"),
            },
            Kind::Failed(message) | Kind::Notice(message) => {
                let lines = psql::message(&message, sql, Verbosity::Default);
                self.errors += &(lines.join("\n") + "\n");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn results_are_drawn_as_psql_draws_them() {
    for sql in QUERIES {
        assert_eq!(by_us(sql).await.0, by_psql(sql).0, "{sql}");
    }
}

#[tokio::test]
async fn errors_are_printed_as_psql_prints_them() {
    for sql in ERRORS {
        assert_eq!(by_us(sql).await.1, by_psql(sql).1, "{sql}");
    }
}
