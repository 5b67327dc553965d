mod tables;

use super::*;
use crate::core::syntax::Strings;
use crate::gateway::wording::Wording;

fn refused(sql: &str) -> String {
    let statement = Statement::read(sql, Strings::Conforming);
    match refusal(&statement) {
        Some(refusal) => format!("{} {}", refusal.code(), refusal.message()),
        None => String::new(),
    }
}

#[test]
fn types_are_neither_made_nor_changed() {
    for (sql, says) in [
        ("create type t as (a int)", "unsupported statement: CompositeType"),
        ("create type t as range (subtype = int4)", "unsupported statement: CreateRange"),
        ("create type t as enum ('a')", "CREATE TYPE not supported"),
        ("alter type t rename to u", "unsupported object in RENAME statement"),
        ("alter type t add value 'b'", "ALTER TYPE not supported"),
        ("alter type t rename value 'a' to 'b'", "ALTER TYPE not supported"),
        ("alter type t rename attribute a to b", "unsupported object in RENAME statement"),
        ("alter aggregate a(int) rename to b", "unsupported object in RENAME statement"),
        ("alter text search configuration a rename to b", "unsupported object in RENAME statement"),
        ("alter collation a owner to b", "unsupported statement: AlterOwner"),
        ("alter materialized view v set schema s", "unsupported statement: AlterObjectSchema"),
        (
            "alter materialized view if exists v cluster on i",
            "unsupported ALTER TABLE CLUSTER ON statement",
        ),
        (
            "alter foreign table t alter a type text",
            "unsupported ALTER TABLE ALTER COLUMN ... SET DATA TYPE statement",
        ),
        (
            "alter trigger a on t depends on extension e",
            "unsupported statement: AlterObjectDepends",
        ),
        ("alter database d set work_mem = 1", "unsupported statement: AlterDatabaseSet"),
        ("alter database d reset all", "unsupported statement: AlterDatabaseSet"),
        ("alter database d set tablespace s", "unsupported statement: AlterDatabase"),
        ("drop type if exists t", "unsupported object in DROP statement"),
        ("create temp table t (a int)", "TEMPORARY or TEMP table not supported for CREATE TABLE"),
        (
            "create table if not exists pg_temp.t (a int)",
            "TEMPORARY or TEMP table not supported for CREATE TABLE",
        ),
    ] {
        assert_eq!(refused(sql), format!("0A000 {says}"), "{sql}");
    }
    for fine in [
        "create table temp (a int)",
        "create table pg_temp (a int)",
        "drop trigger if exists t on u cascade",
        "alter domain d rename to e",
        "alter function f() owner to a",
        "insert into line (id) values (1)",
        "with path (a) as (select 1) select a from path",
        "set session characteristics as transaction isolation level repeatable read",
    ] {
        assert_eq!(refused(fine), "", "{fine}");
    }
}

#[test]
fn objects_rights_and_functions_are_those_that_there_are() {
    assert_eq!(refused("drop table if exists t"), "");
    assert_eq!(refused("drop domain d"), "");
    for (sql, says) in [
        ("drop domain d cascade", "DROP DOMAIN with CASCADE unsupported"),
        ("alter domain d set not null", "unsupported ALTER DOMAIN SET NOT NULL statement"),
        (
            "alter domain d validate constraint c",
            "unsupported ALTER DOMAIN VALIDATE CONSTRAINT statement",
        ),
        (
            "alter domain d add check (value > 0)",
            "unsupported ALTER DOMAIN ADD CONSTRAINT statement",
        ),
        ("create table t (a pg_catalog.\"money\")", "datatype money not supported"),
        (
            "create table t (a int, constraint e exclude using gist (a with =))",
            "EXCLUDE constraint not supported for CREATE TABLE",
        ),
        (
            "create sequence s as int cache 1",
            "datatype integer not supported, sequence type must be bigint",
        ),
        ("grant usage on schema public to a", "feature not supported on system entity"),
        ("grant all on schema s, \"public\" to a", "feature not supported on system entity"),
        ("revoke create on schema public from public", "feature not supported on system entity"),
        ("grant connect on database postgres to a", "unsupported object type in GRANT"),
        ("grant create, temp on database postgres to a", "unsupported object type in GRANT"),
        ("revoke all on database postgres from a", "unsupported object type in REVOKE"),
        (
            "create or replace procedure p() language sql as 'select 1'",
            "PROCEDURE is not supported",
        ),
        (
            "create function f() returns int language plpgsql as 'begin end'",
            "CREATE FUNCTION with language plpgsql not supported",
        ),
        (
            "create function f() returns setof int4range language sql as 'select null'",
            "datatype int4range not supported",
        ),
        ("create function f() returns money return null", "datatype money not supported"),
    ] {
        assert_eq!(refused(sql), format!("0A000 {says}"), "{sql}");
    }
    for fine in [
        "create or replace function f(a int) returns int language sql as 'select 1'",
        "create function f(a int[], b int4range) returns int[] language sql as 'select a'",
        "create function f() returns table (a int) language sql as 'select 1'",
        "grant select on t to a",
        "grant usage on schema s to a",
        "create statistics s on a, b from t",
    ] {
        assert_eq!(refused(fine), "", "{fine}");
    }
}

#[test]
fn what_is_the_services_own_stays_as_it_is() {
    for (sql, says) in [
        ("alter function f(int) immutable", "unsupported statement: AlterFunction"),
        ("alter function f set search_path = a", "unsupported statement: AlterFunction"),
        ("alter schema public rename to p", "feature not supported on system entity"),
        ("alter schema public owner to a", "feature not supported on system entity"),
        ("DROP SCHEMA IF EXISTS s, \"public\" CASCADE", "feature not supported on system entity"),
        ("drop schema sys", "feature not supported on system entity"),
    ] {
        assert_eq!(refused(sql), format!("0A000 {says}"), "{sql}");
    }
    for fine in [
        "alter statistics s set statistics 100",
        "alter function f() rename to g",
        "alter function f() set schema s",
        "alter schema s rename to public",
        "drop schema s cascade",
        "create table s.sys (a int)",
    ] {
        assert_eq!(refused(fine), "", "{fine}");
    }
    assert_eq!(
        refused("alter statistics s set statistics 101"),
        "22023 statistics target 101 exceeds maximum allowed value of 100"
    );
    assert_eq!(refused("create schema sys"), "42P06 schema \"sys\" already exists");
    for (sql, schema) in [
        ("create table if not exists sys.t (a int)", "sys"),
        ("create or replace view pg_catalog.v as select 1", "pg_catalog"),
        ("create sequence information_schema.s cache 1", "information_schema"),
    ] {
        assert_eq!(refused(sql), format!("42501 permission denied for schema {schema}"), "{sql}");
    }
}

#[test]
fn what_only_a_superuser_may_is_denied() {
    for (sql, says) in [
        ("select pg_read_file('/etc/passwd')", "permission denied for function pg_read_file"),
        ("select * from pg_catalog.pg_ls_dir('/')", "permission denied for function pg_ls_dir"),
        ("show data_directory", "permission denied to examine \"data_directory\""),
        ("select current_setting('Hba_File')", "permission denied to examine \"hba_file\""),
    ] {
        assert_eq!(refused(sql), format!("42501 {says}"), "{sql}");
    }
    assert_eq!(refused("select pg_read_file from t where current_setting(a) = ''"), "");
}

#[test]
fn cursors_and_named_statements_are_told_by_their_parse_nodes() {
    for (sql, says) in [
        ("declare c cursor with hold for select 1", "DeclareCursor"),
        ("FETCH FORWARD 5 FROM c", "Fetch"),
        ("move all in c", "Fetch"),
        ("close all", "ClosePortal"),
        ("execute p (1)", "Execute"),
        ("explain (verbose, format json) execute sqlx_s_1(null)", "Execute"),
        ("explain declare c cursor for select 1", "DeclareCursor"),
    ] {
        assert_eq!(refused(sql), format!("0A000 unsupported statement: {says}"), "{sql}");
    }
    for (sql, procedure) in [
        ("call p()", "p()"),
        ("CALL s.p(1, 2.5, 'a', true, $1)", "s.p(integer, numeric, unknown, boolean, unknown)"),
    ] {
        let says = format!("42883 procedure {procedure} does not exist");
        assert_eq!(refused(sql), says, "{sql}");
    }
    assert_eq!(refused("call sys.wait_for_job('a')"), "");
}

#[test]
fn settings_and_functions_are_those_that_there_are() {
    let not_supported =
        |name: &str| format!("0A000 setting configuration parameter \"{name}\" not supported");
    assert_eq!(refused("set local work_mem = '4MB'"), not_supported("work_mem"));
    assert_eq!(refused("set search_path = a"), "");
    assert_eq!(refused("set time zone 'UTC'"), "");
    let level = "set local transaction isolation level serializable";
    assert_eq!(refused(level), not_supported("TRANSACTION"));
    assert_eq!(refused("set constraints all deferred"), "");
    assert_eq!(
        refused("select to_tsvector('english', 'hello world')"),
        "42704 text search configuration \"english\" does not exist"
    );
    assert_eq!(refused("select circle('<(0,0),1>'::text)"), "0A000 datatype circle not supported");
    assert_eq!(refused("select '127.0.0.1'::inet, string_to_array('1,2', ',')"), "");
    for (sql, says) in [
        ("with a as (select 1) merge into t using a on true when matched then delete", "Merge"),
        ("explain merge into t using a on true when matched then delete", "Merge"),
        ("explain analyze create table t as select 1", "CreateTableAs"),
        ("create table t as select count(*) from u with no data", "CreateTableAs"),
        ("create table t (a) as execute p", "CreateTableAs"),
    ] {
        assert_eq!(refused(sql), format!("0A000 unsupported statement: {says}"), "{sql}");
    }
    assert_eq!(
        refused("create or replace view v as select pg_advisory_lock(1)"),
        "0A000 function pg_advisory_lock not supported"
    );
}

#[test]
fn what_a_query_names_there_is_or_not() {
    for fine in [
        "select to_tsvector('simple', 'a') @@ to_tsquery('pg_catalog.simple', 'a')",
        "select '[1,2)'::int4range, int4range(1, 2), 'a'::tsvector",
        "select set_config('search_path', 'a', false), set_config(a, b, true) from t",
        "copy t from stdin",
        "copy (select 1 from t) to stdout",
    ] {
        assert_eq!(refused(fine), "", "{fine}");
    }
    assert_eq!(
        refused("select 1, pg_catalog.set_config('Work_Mem', '4MB', false)"),
        "0A000 setting configuration parameter \"work_mem\" not supported"
    );
    assert_eq!(
        refused("select 1 where to_tsvector('simple', 'a') @@ to_tsquery('english', 'a')"),
        "42704 text search configuration \"english\" does not exist"
    );
    for (copy, how) in [
        ("t (\"from\") from '/tmp/x' csv", "from a file"),
        ("(select * from t) to '/tmp/x'", "to a file"),
        ("t from program 'ls'", "to or from an external program"),
    ] {
        assert_eq!(
            refused(&format!("copy {copy}")),
            format!("42501 permission denied to COPY {how}")
        );
    }
    for (cast, kind) in [
        ("'{1,2,3}'::line", "line"),
        ("'1'::pg_catalog.money", "money"),
        ("cast (cast('a' as text) as bit varying(3))", "bit varying"),
        ("CAST('a' AS xml)", "xml"),
        ("xmlelement(name a)", "xml"),
        ("x from xmltable('/a' passing b columns x int)", "xml"),
        ("1, money '1'", "money"),
        ("a from t where a <@ pg_catalog.box '(1,1),(0,0)'", "box"),
    ] {
        assert_eq!(
            refused(&format!("select {cast}")),
            format!("0A000 datatype {kind} not supported")
        );
    }
    assert_eq!(refused("select cast(a as text) as line, 1 as path from box"), "");
    assert_eq!(
        refused("select pg_try_advisory_lock(1)"),
        "0A000 function pg_try_advisory_lock not supported"
    );
}

#[test]
fn conflicts_are_told_in_the_words_that_are_wanted() {
    let (conflict, changed) = (Refusal::conflict(), Refusal::schema_changed());
    let plain = |refusal: &Refusal| refusal.in_words(Wording::Plain).message().to_owned();
    assert_eq!(plain(&conflict), "change conflicts with another transaction (OC000)");
    assert_eq!(plain(&changed), "schema has been updated by another transaction (OC001)");
    assert_eq!(*conflict.in_words(Wording::Retry), conflict);
}
