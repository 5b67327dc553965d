//! Targets: read as psql reads them, with psql as the judge where it is there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use overbooked::cluster::SUPERUSER;
use overbooked::pg::{Environment, Host, ServerAddress, Target, TargetError};

use crate::support;

fn resolve(text: &str, environment: &Environment) -> Result<Target, TargetError> {
    Target::resolve(Some(text), environment)
}

fn alice() -> Environment {
    Environment::empty().with_user("alice")
}

#[track_caller]
fn described(text: &str, environment: &Environment) -> String {
    resolve(text, environment).unwrap_or_else(|error| panic!("{text}: {error}")).describe()
}

#[test]
fn texts_and_variables_become_places() {
    let env = alice().with("PGHOST", "db").with("PGPORT", "1").with("PGDATABASE", "seats");
    for (text, expected) in [
        ("", "seats on db, port 1, as alice"),
        ("other", "other on db, port 1, as alice"),
        ("host=h user=bob", "seats on h, port 1, as bob"),
        ("postgres://h:7/d", "d on h, port 7, as alice"),
        ("postgres:///d?host=/tmp&port=9", "d on socket /tmp/.s.PGSQL.9, as alice"),
        ("postgres://a,b:2/d?user=bob", "d on a, port 5432; or b, port 2, as bob"),
        ("host=a,b port=3", "seats on a, port 3; or b, port 3, as alice"),
        ("host=h hostaddr=10.0.0.1", "seats on h (10.0.0.1), port 1, as alice"),
        ("postgres://[::1]/", "seats on ::1, port 1, as alice"),
    ] {
        assert_eq!(described(text, &env), expected, "{text}");
    }
}

#[test]
fn the_database_is_the_users_when_none_is_named() {
    assert_eq!(described("host=h", &alice()), "alice on h, port 5432, as alice");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    for (text, words) in [
        ("sslmod=require", "did you mean \"sslmode\"?"),
        ("sslmode=always", "sslmode cannot be \"always\"; use disable, allow, prefer"),
        ("host=h port=0", "is not a number from 1 to 65535"),
        ("host=a,b,c port=1,2", "2 values for port and 3 hosts"),
        ("connect_timeout=soon", "a whole number of seconds"),
        ("sslrootcert=system sslmode=require", "needs sslmode=verify-full"),
        ("sslnegotiation=direct", "needs sslmode=require"),
        ("service=nowhere", "no service \"nowhere\""),
        ("require_auth=md5,!none", "require_auth cannot be"),
        ("gssencmode=require", "not supported"),
        ("postgres://h/d?timeout=3", "did you mean \"connect_timeout\"?"),
    ] {
        let environment = alice().with("PGSYSCONFDIR", "/nowhere");
        let error = resolve(text, &environment).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_password_shows_itself_to_nobody() {
    for text in ["postgres://u:hunter2@h/d", "host=h password=hunter2"] {
        let target = resolve(text, &alice()).unwrap();
        let shown = format!("{target:?} {}", target.describe());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let environment = alice().with("PGPASSWORD", "hunter2");
    assert!(!format!("{environment:?}").contains("hunter2"));
    let error = resolve("postgres://u:hunter2/x@h/d", &alice()).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_password_is_found_for_each_place_by_itself() {
    let home = home(&[(".pgpass", "a:*:*:*:first\nlocalhost:*:*:*:local\n")]);
    let environment = alice().with_home(home.path());
    let target = resolve("host=a,b,/tmp", &environment).unwrap();
    let found: Vec<bool> = target.places().iter().map(|place| place.password.is_some()).collect();
    assert_eq!(found, [true, false, true]);
    let loose = home.path().join(".pgpass");
    std::fs::set_permissions(loose, PermissionsExt::from_mode(0o644)).unwrap();
    let target = resolve("host=a", &environment).unwrap();
    assert!(target.places()[0].password.is_none());
    assert!(target.warnings()[0].contains("0600"));
}

#[test]
fn a_service_gives_what_the_text_does_not() {
    let home = home(&[(".pg_service.conf", "[seats]\nhost=db\nport=77\ndbname=seats\n")]);
    let environment = alice().with_home(home.path()).with("PGSERVICE", "seats").with("PGPORT", "1");
    assert_eq!(described("", &environment), "seats on db, port 77, as alice");
    assert_eq!(described("port=5", &environment), "seats on db, port 5, as alice");
}

/// A home folder with private files.
fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = home.path().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }
    home
}

/// Where psql is, beside the servers' binaries or on the path.
fn psql() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("psql"));
    found.chain(["/usr/lib/postgresql/15/bin/psql".into()]).find(|file| file.exists())
}

/// What psql connects to: database, user, application name and time zone as the server sees them.
fn psql_says(psql: &Path, text: &str, variables: &[(&str, &str)]) -> String {
    let sql = "select current_database(), session_user, current_setting('TimeZone'),
               current_setting('work_mem')";
    let output = Command::new(psql)
        .args(["-X", "-A", "-t", "-c", sql, text])
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The same from a target of ours.
async fn we_say(text: &str, variables: &[(&str, &str)]) -> String {
    let environment =
        variables.iter().fold(alice(), |environment, (name, value)| environment.with(name, value));
    let target = resolve(text, &environment).unwrap();
    let mut connection = overbooked::pg::Connection::connect(&target).await.unwrap();
    let sql = "select concat_ws('|', current_database(), session_user, current_setting('TimeZone'),
               current_setting('work_mem'))";
    connection.ask(sql).await.unwrap().cell.unwrap().unwrap()
}

#[tokio::test]
async fn psql_and_we_understand_the_same() {
    let Some(psql) = psql() else { return };
    let cluster = support::server();
    let folder = cluster.folder().to_str().unwrap();
    let port = cluster.port().to_string();
    let encoded = folder.replace('/', "%2F");
    let home = home(&[(
        "services",
        &format!("[ours]\nhost={folder}\nport={port}\nuser={SUPERUSER}\ndbname=postgres\n"),
    )]);
    let services = home.path().join("services");
    let base = [("PGHOST", folder), ("PGPORT", port.as_str()), ("PGUSER", SUPERUSER)];
    let zone = [&base[..], &[("PGTZ", "Asia/Tokyo"), ("PGOPTIONS", "-c work_mem=5MB")]].concat();
    let service = [("PGSERVICEFILE", services.to_str().unwrap()), ("PGSERVICE", "ours")];
    for (text, variables) in [
        ("postgres".to_owned(), &base[..]),
        ("dbname = postgres".to_owned(), &zone),
        (format!("postgres://{SUPERUSER}@{encoded}:{port}/template1"), &[]),
        (format!("postgresql:///postgres?host={folder}&port={port}&user={SUPERUSER}"), &[]),
        (
            format!(
                "host='{folder}' port={port} user={SUPERUSER} dbname=postgres \
                 options='-c work_mem=7MB'"
            ),
            &[],
        ),
        (format!("host=/nowhere,{folder} port=1,{port} user={SUPERUSER} dbname=postgres"), &[]),
        ("postgres:///?options=-c%20work_mem%3D9MB&dbname=postgres".to_owned(), &base),
        ("dbname=template1".to_owned(), &service),
    ] {
        assert_eq!(we_say(&text, variables).await, psql_says(&psql, &text, variables), "{text}");
    }
}

#[test]
fn a_folder_of_sockets_is_a_place() {
    let target = Target::unix(Path::new("/run/x"), 7, "u", "d").with_database("e");
    let host = Host::Socket("/run/x".into());
    assert_eq!(target.places(), [ServerAddress { host, port: 7, password: None }]);
    assert_eq!(target.describe(), "e on socket /run/x/.s.PGSQL.7, as u");
}
