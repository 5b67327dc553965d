//! What hooks are told: who is connected, what the client is told, and values as text whatever form
//! they came in.

use overbooked::core::event::TransactionStatus;
use overbooked::core::syntax::{Strings, literal};
use overbooked::debugger::literals::with_parameters;
use overbooked::gateway::{Mode, Parameter, Told, Verdict};

use super::{Call, MODES, Wire};
use crate::gateway::says;
use crate::raw::Raw;

async fn telling(mode: Mode) -> Wire {
    Wire::with(mode, |_| false, true, |_| {}).await
}

impl Wire {
    /// What was told up to the next `ReadyForQuery`, in few words each.
    async fn told(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        self.next(|call| {
            if let Some(Call::Told(told)) = call {
                all.push(in_short(told));
                return matches!(told, Told::Ready(_)).then_some(());
            }
            None
        })
        .await;
        all
    }
}

fn in_short(told: &Told) -> String {
    match told {
        Told::Columns(columns) => {
            let columns =
                columns.iter().map(|column| format!("{} {}", column.name, column.type_oid));
            columns.collect::<Vec<_>>().join(",")
        }
        Told::Row(row) => {
            let values = row.iter().map(|value| value.as_deref().unwrap_or("NULL").to_owned());
            format!("({})", values.collect::<Vec<_>>().join(","))
        }
        Told::Done { tag } => format!("[{tag}]"),
        Told::Failed(message) => format!("!{}", message.code),
        Told::Notice(message) => format!("N{}", message.code),
        Told::Ready(TransactionStatus::Idle) => "ZI".to_owned(),
        Told::Ready(TransactionStatus::InTransaction) => "ZT".to_owned(),
        Told::Ready(TransactionStatus::Failed) => "ZE".to_owned(),
        Told::Parameter { name, value } => format!("{name}={value}"),
        Told::Notification { channel, payload, .. } => format!("{channel}: {payload}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_is_told_is_told_in_its_order() {
    for mode in MODES {
        let mut wire = telling(mode).await;
        let mut client = wire.raw().await;
        client.query("insert into t values (1, 'a'); select * from t").until_ready().await;
        let expected = ["[INSERT 0 1]", "id 23,note 25", "(1,a)", "[SELECT 1]", "ZI"];
        assert_eq!(wire.told().await, expected, "{mode:?}");
        client.query("set application_name = 'x'").until_ready().await;
        let told = wire.told().await;
        assert!(told.contains(&"application_name=x".to_owned()), "{mode:?}: {told:?}");
        client.query("begin").until_ready().await;
        assert_eq!(wire.told().await, ["[BEGIN]", "ZT"]);
        client.query("select 1/0").until_ready().await;
        assert_eq!(wire.told().await.last_chunk(), Some(&["!22012".to_owned(), "ZE".to_owned()]));
        client.query("rollback").until_ready().await;
        assert_eq!(wire.told().await, ["[ROLLBACK]", "ZI"]);
        client.query("").until_ready().await;
        assert_eq!(wire.told().await, ["Empty", "ZI"]);
        client.query("copy t (id) to stdout").until_ready().await;
        assert_eq!(wire.told().await, ["Copying", "[COPY 1]", "ZI"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_told_with_the_rows_that_they_are_of_and_binary_values_as_text() {
    for mode in MODES {
        let mut wire = telling(mode).await;
        let mut client = wire.raw().await;
        // Described once as a statement, and then never again, as drivers do it.
        client.parse("s", "select 7::int4 as n, 'x'::text as t, null::int8 as z").describe("Ss");
        client.sync().until_ready().await;
        assert_eq!(wire.told().await, ["ZI"], "{mode:?}");
        for _ in 0..2 {
            bind_for_binary(&mut client, "s");
            client.execute("").sync().until_ready().await;
            let expected = ["n 23,t 25,z 20", "(7,x,NULL)", "[SELECT 1]", "ZI"];
            assert_eq!(wire.told().await, expected, "{mode:?}");
        }
        client.parse("", "select id from t").bind("", "").describe("P").execute("").sync();
        client.until_ready().await;
        assert_eq!(wire.told().await, ["id 23", "[SELECT 0]", "ZI"], "{mode:?}");
        client.query("begin").until_ready().await;
        wire.told().await;
        client.parse("", "values (1), (2), (3)").bind("", "").describe("P");
        client.execute_some("", 2).execute_some("", 2).sync().until_ready().await;
        let columns = "column1 23";
        let expected = [columns, "(1)", "(2)", "Suspended", columns, "(3)", "[SELECT 1]", "ZT"];
        assert_eq!(wire.told().await, expected, "{mode:?}");
    }
}

/// A Bind without parameters that asks for every column in binary.
fn bind_for_binary(client: &mut Raw, name: &str) {
    let mut body = format!("\0{name}\0").into_bytes();
    body.extend([0, 0, 0, 0, 0, 1, 0, 1]);
    client.put(b'B', &body);
}

/// Values, each with its type.
const VALUES: &[(&str, &str)] = &[
    ("t", "bool"),
    ("-32768", "int2"),
    ("-2147483648", "int4"),
    ("9223372036854775807", "int8"),
    ("4294967295", "oid"),
    ("it's \\ \u{e4}", "text"),
    ("", "text"),
    ("a", "varchar"),
    ("a  ", "bpchar"),
    ("\\x00ff10", "bytea"),
    ("\\x", "bytea"),
    ("0", "numeric"),
    ("-0.00", "numeric"),
    ("123456789.000100", "numeric"),
    ("-1234567890123456789012345678901234567890.5", "numeric"),
    ("0.000012345", "numeric"),
    ("10000", "numeric"),
    ("100000000", "numeric"),
    ("NaN", "numeric"),
    ("1e30", "numeric"),
    ("0.1", "float8"),
    ("1e15", "float8"),
    ("123456789012345", "float8"),
    ("-1.5e-7", "float8"),
    ("0.0001", "float8"),
    ("0.00001", "float8"),
    ("1e300", "float8"),
    ("-0", "float8"),
    ("NaN", "float8"),
    ("-Infinity", "float8"),
    ("3.1415927", "float4"),
    ("1e6", "float4"),
    ("123456", "float4"),
    ("16777216", "float4"),
    ("1e-5", "float4"),
    ("2000-01-01", "date"),
    ("1999-12-31", "date"),
    ("2024-02-29", "date"),
    ("1900-03-01", "date"),
    ("0001-01-01", "date"),
    ("0044-03-15 BC", "date"),
    ("12345-06-07", "date"),
    ("infinity", "date"),
    ("00:00:00", "time"),
    ("23:59:59.999999", "time"),
    ("12:30:00.5", "time"),
    ("24:00:00", "time"),
    ("2026-11-29 18:30:00.25", "timestamp"),
    ("1969-07-20 20:17:40", "timestamp"),
    ("0044-03-15 12:00:00 BC", "timestamp"),
    ("-infinity", "timestamp"),
    ("2026-11-29 18:30:00+00", "timestamptz"),
    ("infinity", "timestamptz"),
    ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid"),
    ("{\"a\" : 1}", "json"),
    ("{\"a\": [1, null]}", "jsonb"),
    ("name", "name"),
    ("{}", "int4[]"),
    ("{1,NULL,-3}", "int4[]"),
    ("{{1,2},{3,4}}", "int8[]"),
    ("[0:1]={1,2}", "int2[]"),
    ("{a,\"b c\",\"\",\"NULL\",null,\"q\\\"u\\\\o\",\"{x}\",\"a,b\"}", "text[]"),
    ("{\"2026-11-29 18:30:00+00\",NULL}", "timestamptz[]"),
    ("{1.50,NaN}", "numeric[]"),
    ("{t,f}", "bool[]"),
    ("{\"\\\\x00ff\"}", "bytea[]"),
    ("{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "uuid[]"),
    ("{\"{\\\"a\\\": 1}\"}", "jsonb[]"),
    ("{2026-11-29}", "date[]"),
    ("{0.1,1e+300}", "float8[]"),
];

/// The bytes of a value in its binary form, and its type's number.
async fn binary_of(client: &mut Raw, sql: &str) -> (Vec<u8>, u32) {
    client.parse("", sql);
    bind_for_binary(client, "");
    client.describe("P").execute("").sync();
    let answers = client.until_ready().await;
    let columns = answers.iter().find(|answer| answer.tag == b'T').expect(sql);
    let row = answers.iter().find(|answer| answer.tag == b'D').expect(sql);
    let name_end = columns.body[2..].iter().position(|byte| *byte == 0).unwrap() + 3;
    let type_oid = columns.body[name_end + 6..name_end + 10].try_into().unwrap();
    (row.body[6..].to_vec(), u32::from_be_bytes(type_oid))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_in_binary_reads_as_postgresql_writes_it_and_its_literal_is_the_same_value() {
    let mut wire = telling(Mode::PassThrough).await;
    let mut client = wire.raw().await;
    let straight = wire.served.outsider().await;
    client.query("set timezone = 'UTC'").until_ready().await;
    wire.told().await;
    says(&straight, "set timezone = 'UTC'").await;
    for (value, type_name) in VALUES {
        let sql = format!("select {}::{type_name} as v", literal(value));
        let expected = says(&straight, &sql).await;
        let (bytes, type_oid) = binary_of(&mut client, &sql).await;
        let told = wire.told().await;
        let told = told.iter().find(|told| told.starts_with('(')).unwrap();
        assert_eq!(format!("{}; (1)", &told[1..told.len() - 1]), expected, "{sql}");
        for is_binary in [true, false] {
            let text = expected.trim_end_matches("; (1)").to_owned();
            let bytes = if is_binary { bytes.clone() } else { text.into_bytes() };
            let value = Some(bytes.into());
            let parameters = [Parameter { type_oid, value, is_binary }];
            let written = with_parameters("select $1 as v", &parameters, Strings::Conforming);
            // A literal without a cast is text, or a number of some kind, until something else is
            // wanted of it: here that is the type.
            let written = written.replacen("select ", "select cast(", 1);
            let written = written.replacen(" as v", &format!(" as {type_name}) as v"), 1);
            assert_eq!(says(&straight, &written).await, expected, "{written}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_is_told_with_how_it_came() {
    for mode in MODES {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let two = |options: &mut overbooked::gateway::Options| options.listen = vec![loopback; 2];
        let mut wire = Wire::with(mode, |_| false, false, two).await;
        let addresses = wire.served.gateway.addresses().to_vec();
        assert_eq!(addresses.len(), 2);
        assert_ne!(addresses[0], addresses[1]);
        let mut ids = Vec::new();
        for address in addresses.iter().copied().map(Some).chain([None]) {
            let mut config = tokio_postgres::Config::new();
            match address {
                Some(address) => config.host("127.0.0.1").port(address.port()),
                None => config.host_path(wire.served.folder.path()).port(5432),
            };
            config.user(overbooked::cluster::SUPERUSER).dbname(wire.served.database());
            config.application_name("shop").options("-c overbooked.actor=alice");
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let joined = wire
                .next(|call| match call {
                    Some(Call::Joined(client)) => Some(client.clone()),
                    _ => None,
                })
                .await;
            let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
            assert_eq!((joined.pid.0, joined.mode, joined.came_by), (pid, mode, address));
            assert_eq!(joined.application(), "shop");
            assert_eq!(joined.user(), overbooked::cluster::SUPERUSER);
            assert_eq!(joined.database(), wire.served.database());
            assert_eq!(joined.option("overbooked.actor").as_deref(), Some("alice"));
            drop(client);
            connection.await.unwrap().unwrap();
            assert_eq!(wire.has_left().await, joined.id);
            ids.push(joined.id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_as_the_client_is_told_it() {
    for mode in MODES {
        let mut wire = Wire::with(mode, |sql| sql.starts_with("insert"), true, |_| {}).await;
        let mut client = wire.raw().await;
        client.query("insert into t values (1)").send().await.unwrap();
        wire.held().await.refuse("40001");
        client.until_ready().await;
        assert_eq!(wire.told().await, ["!40001", "ZI"], "{mode:?}");
        client.query("begin").until_ready().await;
        wire.told().await;
        client.query("insert into t values (1)").send().await.unwrap();
        wire.held().await.let_go(Verdict::Pass);
        client.until_ready().await;
        assert_eq!(wire.told().await, ["[INSERT 0 1]", "ZT"], "{mode:?}");
    }
}
