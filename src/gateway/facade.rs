//! The server that a client believes to speak with, where it is another one than the PostgreSQL
//! behind: another version, and a schema `sys` of its own.
//!
//! What it says of itself stands in queries of any kind (`select version()`, a function's argument,
//! a join), so the question is turned and not the answer: a piece of the statement is replaced by
//! one that PostgreSQL answers as wanted, in whichever place it stands.
//!
//! ```text
//!  select current_setting('server_version_num')::int >= 160000
//!         └──────────────── an edit ──────────┘
//!  select (case when true then '160015' else current_setting('server_version_num') end)::int …
//! ```
//!
//! CASE, since its result is called as the ELSE is (`FigureColname` in `parse_target.c`), so that
//! the column keeps its name.

mod common;
mod jobs;
mod mappings;
mod mention;
mod place;
mod schemas;
mod sys;
mod version;

use super::refusal::Refusal;
use super::statement::{Kind, Statement};
use mention::Mention;

pub(super) use jobs::{Job, JobObject, JobType, Jobs, new_identifier};
pub(super) use mappings::{Mapping, MappingChange, Mappings, RoleName};
pub(crate) use mention::Edit;
pub(super) use sys::new_session;
pub(super) use version::show_all;

/// That server, as all clients see it.
#[derive(Debug, Default)]
pub(crate) struct Facade {
    pub(super) jobs: Jobs,
    pub(super) mappings: Mappings,
}

/// What a transaction has done of which that server tells once it is committed.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) job: Option<Job>,
    /// Each with whether it is there from then on.
    pub(super) mappings: Vec<(bool, Mapping)>,
}

impl Facade {
    /// What is sent otherwise of a statement in this session, so that the answer is that server's.
    pub(crate) fn edits(&self, statement: &Statement, session: &str) -> Vec<Edit> {
        // What DDL says is kept as it is written, and EXECUTE and CALL take no subqueries.
        if !matches!(statement.kind, Kind::Query | Kind::Prepare(_)) || statement.is_a("call") {
            return Vec::new();
        }
        let found = statement.names.iter().flat_map(|name| {
            let words = &statement.words;
            let at = words.partition_point(|word| word.span.start < name.spans[0].start);
            let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
            let (end, has_star) = (at + 2 * parts.len() - 1, name.has_star);
            let mention = Mention { words, at, end, parts: &parts, has_star };
            let own = sys::edit(&self.jobs, &self.mappings, session, mention);
            let version = version::edits(&statement.sql, mention);
            let schemas = schemas::edits(&statement.sql, mention);
            own.into_iter().chain(version).chain(schemas).collect::<Vec<_>>()
        });
        found.collect()
    }

    /// A transaction is committed, and with it this.
    pub(super) fn tell_of(&self, done: Done) {
        if let Some(job) = done.job {
            self.jobs.add(job);
        }
        for (gives, mapping) in done.mappings {
            self.mappings.apply(gives, mapping);
        }
    }

    /// What is sent in the place of a whole statement.
    pub(super) fn in_place_of(&self, statement: &Statement) -> Option<String> {
        sys::wait_for_job(&self.jobs, statement)
    }
}

/// Why that server refuses a statement.
pub(super) fn refusal(statement: &Statement) -> Option<Refusal> {
    sys::refusal(statement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn sent(sql: &str) -> String {
        let statement = Statement::read(sql, Strings::Conforming);
        let mut edits = Facade::default().edits(&statement, "here");
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        edits.into_iter().fold(sql.to_owned(), |mut sent, edit| {
            sent.replace_range(edit.span, &edit.by);
            sent
        })
    }

    #[test]
    fn a_version_is_told_wherever_it_is_asked_for() {
        let version = "case when true then 'PostgreSQL 16'::pg_catalog.text else";
        for (sql, expected) in [
            ("select version()", format!("select ({version} version() end)")),
            (
                "select 1 where PG_CATALOG.version ( ) like '%'",
                format!("select 1 where ({version} PG_CATALOG.version ( ) end) like '%'"),
            ),
            (
                "select * from version()",
                "select * from (select 'PostgreSQL 16'::pg_catalog.text as version) as version"
                    .to_owned(),
            ),
            (
                "table a join version() as v",
                "table a join (select 'PostgreSQL 16'::pg_catalog.text as \"v\") as v".to_owned(),
            ),
        ] {
            assert_eq!(sent(sql), expected);
        }
        for same in [
            "select mine.version()",
            "select version from t",
            "select version(1)",
            "create view v as select version()",
            "execute p(version())",
            "select * from sys",
            "set search_path to public, sys",
        ] {
            assert_eq!(sent(same), same);
        }
    }

    #[test]
    fn a_setting_is_told_by_whichever_text_it_is_named() {
        assert_eq!(
            sent("select current_setting('Server_Version_Num', true)::int / 10000"),
            "select (case when true then '160015'::pg_catalog.text else \
             current_setting('Server_Version_Num', true) end)::int / 10000"
        );
        assert_eq!(
            sent("select current_setting('work_mem')"),
            "select current_setting('work_mem')"
        );
        let reckoned = sent("select current_setting($1), pg_catalog.current_setting('a' || b, $2)");
        assert!(reckoned.contains("from (values (($1)::pg_catalog.text)) as"), "{reckoned}");
        assert!(
            reckoned.contains("(values (('a' || b)::pg_catalog.text,( $2)::pg_catalog.bool)) as"),
            "{reckoned}"
        );
        let list = sent("select s.setting from pg_settings s, t where s.name = 'server_version'");
        assert!(list.starts_with("select s.setting from (select name, case name when"), "{list}");
        assert!(list.contains("from pg_catalog.pg_settings) s, t"), "{list}");
    }

    #[test]
    fn the_settings_are_told_wherever_their_view_stands_and_nowhere_else() {
        let list = "(select name, case name when";
        let all = |sql: &str| sent(sql).matches(list).count();
        for (sql, views) in [
            ("table pg_settings", 1),
            ("table pg_catalog.pg_settings union table pg_settings", 2),
            ("select * from (pg_settings a join t on true) join pg_settings b on true", 2),
            ("with pg_settings as (select 1) select * from pg_settings", 0),
            ("with a as (table pg_settings), pg_settings as (table a) table pg_settings", 1),
            ("with pg_settings as (table pg_settings) table pg_catalog.pg_settings", 2),
            ("select pg_settings from t where (pg_settings).a is null", 0),
        ] {
            assert_eq!(all(sql), views, "{sql}");
        }
        let table = sent("table pg_settings order by 1");
        assert!(table.starts_with("select * from (select name,"), "{table}");
        assert!(table.ends_with(") as pg_settings order by 1"), "{table}");
        let column = sent(
            "select pg_catalog.pg_settings.setting, \"pg_catalog\".pg_settings.*, \
            pg_settings.unit from pg_catalog.pg_settings",
        );
        let columns = "select pg_settings.setting, pg_settings.*, pg_settings.unit from (select";
        assert!(column.starts_with(columns), "{column}");
    }

    #[test]
    fn no_client_has_temporary_tables() {
        assert_eq!(
            sent("select pg_my_temp_schema()"),
            "select (case when true then '0'::pg_catalog.oid else pg_my_temp_schema() end)"
        );
        let path = sent("select 'a' = any (current_schemas(b or c)), 1");
        let before = "= any ((case when true then pg_catalog.array_remove(";
        let after = "else pg_catalog.current_schemas(false) end)), 1";
        assert!(path.contains(before) && path.ends_with(after), "{path}");
    }

    #[test]
    fn the_schema_of_the_service_is_there_in_statements() {
        let jobs = sent("select count(*) from sys.jobs");
        assert!(jobs.starts_with("select count(*) from (select job_id, 'completed'"), "{jobs}");
        assert!(jobs.ends_with("where job_id is not null) as jobs"), "{jobs}");
        let column = sent("select sys.jobs.status from SYS.\"jobs\" order by 1");
        assert!(column.starts_with("select jobs.status from (select job_id"), "{column}");
        assert!(column.ends_with(") as jobs order by 1"), "{column}");
        let joined =
            sent("select sys.jobs.*, j.* from (sys.jobs join sys.jobs as j using (job_id))");
        assert!(joined.starts_with("select jobs.*, j.* from ((select job_id"), "{joined}");
        assert!(joined.contains(") as jobs join (select job_id"), "{joined}");
        assert!(sent("table sys.jobs").starts_with("select * from (select job_id"));
        assert_eq!(
            sent("select sys.current_session_id() as id"),
            "select (select 'here'::pg_catalog.uuid as current_session_id) as id"
        );
        assert_eq!(
            sent("select * from sys.dsql_major_version()"),
            "select * from (select 1 as dsql_major_version) as dsql_major_version"
        );
    }

    #[test]
    fn a_job_is_waited_for_by_a_call_and_not_by_a_query() {
        let refused = |sql: &str| {
            let refusal = refusal(&Statement::read(sql, Strings::Conforming));
            refusal.map(|it| format!("{} {}", it.code(), it.message())).unwrap_or_default()
        };
        for (sql, says) in [
            (
                "select sys.wait_for_job((select job_id from sys.jobs limit 1))",
                "42809 sys.wait_for_job(text) is a procedure",
            ),
            ("select sys.wait_for_job($1)", "42809 sys.wait_for_job(unknown) is a procedure"),
            (
                "call sys.wait_for_job((select job_id from sys.jobs limit 1))",
                "0A000 cannot use subquery in CALL argument",
            ),
            ("call sys.wait_for_job('no-such-job')", "22P02 Unable to convert text to UUID"),
            ("call sys.wait_for_job()", "42883 procedure sys.wait_for_job() does not exist"),
            ("CALL sys.wait_for_job($1)", ""),
            ("call sys.wait_for_job('77e6id3hjbasddybtihl43gega')", ""),
            ("select wait_for_job('a')", ""),
        ] {
            assert_eq!(refused(sql), says, "{sql}");
        }
    }
}
