//! Text in other encodings, and bytes that are no text: no byte of a statement is ever replaced.
//! What the optimistic engine cannot read it refuses, and bytes that are invalid it refuses in
//! PostgreSQL's words.

use tokio_postgres::Client;

use crate::gateway::Served;
use crate::raw::{Answer, Raw, line};

const TABLE: &str = "create table t (id int primary key, word text)";

async fn table(served: Served) -> (Served, Raw, Client) {
    let outsider = served.outsider().await;
    outsider.batch_execute(TABLE).await.unwrap();
    let database = format!("database\0{}\0", served.database());
    let (raw, _) = Raw::connect_with(served.folder.path(), &database).await;
    (served, raw, outsider)
}

async fn stored(outsider: &Client) -> String {
    let all = "select coalesce(string_agg(id || word, ',' order by id), '') from t";
    outsider.query_one(all, &[]).await.unwrap().get(0)
}

/// The first error's code and message, and the status behind it.
fn complaint(answers: &[Answer]) -> Option<(String, String, Vec<u8>)> {
    let error = answers.iter().find(|answer| answer.tag == b'E')?;
    let field = |letter| error.field(letter).unwrap_or_default();
    Some((field(b'C'), field(b'M'), answers.last()?.body.clone()))
}

/// The values of `client_encoding` that the client has been told.
fn encodings(answers: &[Answer]) -> Vec<String> {
    let told = answers.iter().filter(|answer| answer.tag == b'S');
    let told = told.map(|answer| String::from_utf8(answer.body.clone()).unwrap());
    told.filter_map(|told| Some(told.strip_prefix("client_encoding\0")?.replace('\0', "")))
        .collect()
}

const BROKEN: [&[u8]; 8] = [
    b"select 'caf\xe9'",
    b"insert into t values (9, 'caf\xe9') returning word",
    b"select '\xc3(', '\xa9'",
    b"select 1 as \"\xf0\x9f\x98\"",
    b"select 1 -- \xff\xfe",
    b"select '\xed\xa0\x80'",
    b"select '\xc0\x80'",
    b"\x80",
];

/// Every message with a string in it, this one among them.
fn messages(broken: &[u8]) -> Vec<Vec<(u8, Vec<u8>)>> {
    let of = |parts: &[&[u8]]| parts.concat();
    vec![
        vec![(b'Q', of(&[broken, b"\0"]))],
        vec![(b'P', of(&[b"\0", broken, b"\0\0\0"])), (b'S', vec![])],
        vec![(b'P', of(&[broken, b"\0select 1\0\0\0"])), (b'S', vec![])],
        vec![(b'B', of(&[broken, b"\0\0\0\0\0\0\0\0"])), (b'S', vec![])],
        vec![(b'B', of(&[b"\0", broken, b"\0\0\0\0\0\0\0"])), (b'S', vec![])],
        vec![(b'D', of(&[b"S", broken, b"\0"])), (b'S', vec![])],
        vec![(b'C', of(&[b"P", broken, b"\0"])), (b'S', vec![])],
        vec![(b'E', of(&[broken, b"\0\0\0\0\0"])), (b'S', vec![])],
        // A parameter's value: the server's business.
        vec![
            (b'P', b"\0insert into t values (8, $1)\0\0\0".to_vec()),
            (
                b'B',
                of(&[
                    b"\0\0\0\0\0\x01",
                    &u32::try_from(broken.len()).unwrap().to_be_bytes(),
                    broken,
                    b"\0\0",
                ]),
            ),
            (b'E', b"\0\0\0\0\0".to_vec()),
            (b'S', vec![]),
        ],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_bytes_are_refused_as_the_server_refuses_them() {
    let (_straight, mut straight, _) = table(Served::passing_through().await).await;
    let (_served, mut through, outsider) = table(Served::start().await).await;
    for begin in ["", "begin"] {
        for messages in BROKEN.iter().flat_map(|broken| messages(broken)) {
            let mut complaints = Vec::new();
            for raw in [&mut straight, &mut through] {
                raw.query(begin).until_ready().await;
                for (tag, body) in &messages {
                    raw.put(*tag, body);
                }
                let answers = raw.until_ready().await;
                complaints.push(complaint(&answers).expect("an error"));
                raw.query("rollback").until_ready().await;
            }
            assert_eq!(complaints[0], complaints[1], "{begin} {messages:?}");
            assert_eq!(complaints[0].0, "22021");
        }
    }
    assert_eq!(stored(&outsider).await, "");
}

const CHANGES: [&str; 6] = [
    "set client_encoding to latin1",
    "set names 'win1252'",
    "set session client_encoding = 'latin9'",
    "select set_config('client_encoding', 'koi8r', false)",
    "select set_config('client_enc' || 'oding', 'sjis', true)",
    "select other_encoding()",
];

const FUNCTION: &str = "create function other_encoding() returns void language plpgsql immutable \
    as \
                        $$ begin perform set_config('client_encoding', 'latin1', false); end $$";

/// How a statement may be sent.
const STYLES: [fn(&mut Raw, &str); 4] = [
    |raw, sql| {
        raw.query(sql);
    },
    |raw, sql| {
        raw.query(&format!("insert into t values (7, 'x'); {sql}; select 2"));
    },
    |raw, sql| {
        raw.parse("", sql).bind("", "").execute("").sync();
    },
    |raw, sql| {
        raw.parse("", "insert into t values (7, 'x')").bind("", "").execute("");
        raw.parse("", sql).bind("", "").execute("").sync();
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_that_cannot_be_read_is_refused_by_every_way_in() {
    let (_served, mut raw, outsider) = table(Served::start().await).await;
    outsider.batch_execute(FUNCTION).await.unwrap();
    for (sql, style, begin) in CHANGES
        .iter()
        .flat_map(|sql| STYLES.iter().map(move |style| (sql, style)))
        .flat_map(|(sql, style)| ["", "begin"].map(|begin| (sql, style, begin)))
    {
        raw.query(begin).until_ready().await;
        style(&mut raw, sql);
        let answers = raw.until_ready().await;
        let (code, message, _) = complaint(&answers).expect("an error");
        assert_eq!(code, "0A000", "{sql}: {message}");
        assert!(message.starts_with("client_encoding "), "{sql}: {message}");
        assert!(encodings(&answers).iter().all(|told| told == "UTF8"), "{sql}: {}", line(&answers));
        raw.query("rollback").until_ready().await;
        let show = raw.query("show client_encoding").says().await;
        assert_eq!(show, "T (UTF8) [SHOW] ZI", "{sql}");
    }
    assert_eq!(raw.query("insert into t values (1, 'é')").says().await, "[INSERT 0 1] ZI");
    assert_eq!(stored(&outsider).await, "1é");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_that_reads_the_same_may_be_set() {
    let (_served, mut raw, outsider) = table(Served::start().await).await;
    for sql in
        ["set client_encoding to utf8", "set names 'Unicode'", "set client_encoding to sql_ascii"]
    {
        let answers = raw.query(sql).until_ready().await;
        assert!(complaint(&answers).is_none(), "{sql}: {}", line(&answers));
    }
    let refused = raw.query("set client_encoding to latin1").until_ready().await;
    assert_eq!(complaint(&refused).unwrap().0, "0A000");
    assert_eq!(raw.query("show client_encoding").says().await, "T (SQL_ASCII) [SHOW] ZI");
    raw.query("insert into t values (1, 'é'); reset client_encoding").until_ready().await;
    assert_eq!(raw.query("show client_encoding").says().await, "T (UTF8) [SHOW] ZI");
    assert_eq!(stored(&outsider).await, "1é");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_with_an_encoding_that_cannot_be_read() {
    let (served, _, outsider) = table(Served::start().await).await;
    let of_the_database = "do $$ begin execute format('alter database %I set client_encoding = \
        latin1', current_database()); end $$";
    for (default, parameters, expected) in [
        ("", "", None),
        ("", "client_encoding\0UTF-8\0", None),
        ("", "client_encoding\0latin1\0", Some("LATIN1")),
        ("", "options\0-c client_encoding=latin2\0", Some("LATIN2")),
        (of_the_database, "", Some("LATIN1")),
        ("", "client_encoding\0UTF8\0", None),
    ] {
        outsider.batch_execute(default).await.unwrap();
        let (_raw, answers) = Raw::connect_with(served.folder.path(), parameters).await;
        match (complaint(&answers), expected) {
            (None, None) => assert_eq!(encodings(&answers), ["UTF8"]),
            (Some((code, message, _)), Some(name)) => {
                let text =
                    format!("client_encoding {name} is not supported on this engine: use UTF8");
                assert_eq!((code.as_str(), message), ("0A000", text));
            }
            (complaint, _) => panic!("{parameters}: {complaint:?}"),
        }
    }
}

/// A check that the stored row has to pass at COMMIT, after the copy's has, and that changes the
/// encoding there.
const CHECKED: &str = "create sequence calls; \
    create function other_encoding() returns bool language plpgsql immutable as $$ begin \
      if nextval('calls') > 1 then perform set_config('client_encoding', 'latin1', false); end if; \
      return true; end $$; \
    create table checked (id int primary key check (other_encoding()))";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_whose_encoding_no_statement_has_changed() {
    let (_served, mut raw, outsider) = table(Served::start().await).await;
    outsider.batch_execute(CHECKED).await.unwrap();
    let inserted = raw.query("begin; insert into checked values (1)").says().await;
    assert_eq!(inserted, "[BEGIN] [INSERT 0 1] ZT");
    let committed = raw.query("commit").until_ready().await;
    assert_eq!(line(&committed), "[COMMIT] ZI");
    let answers = raw.query("insert into t values (1, 'é')").until_ready_or_ended().await;
    let error = answers.last().expect("an error");
    assert_eq!((error.tag, error.field(b'S')), (b'E', Some("FATAL".to_owned())));
    assert_eq!(stored(&outsider).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_through_pass_through_as_they_are() {
    let (_served, mut raw, outsider) = table(Served::passing_through().await).await;
    let changed = raw.query("set client_encoding to latin1").until_ready().await;
    assert_eq!(encodings(&changed), ["LATIN1"]);
    raw.put(b'Q', b"insert into t values (1, 'caf\xe9')\0");
    assert_eq!(raw.says().await, "[INSERT 0 1] ZI");
    assert_eq!(stored(&outsider).await, "1café");
    let answers = raw.query("select word from t").until_ready().await;
    let row = answers.iter().find(|answer| answer.tag == b'D').expect("a row");
    assert_eq!(&row.body[6..], b"caf\xe9");
}
