//! The sessions of the room's people: a role of the private server that can do nothing but book.
//!
//! The optimistic engine works on the database as its own user, whoever comes: there it is only
//! what the room sends that keeps its people to booking, and nobody is given a pane to type into.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

use super::machine::output::Booking;
use crate::core::syntax::quote_if_needed as quote;

/// As whom they connect.
pub(crate) const ROLE: &str = "overbooked_room";

/// How long a statement may take, and a transaction be idle: longer than anybody thinks.
const PATIENCE: &str = "60s";

/// Lets the role book here. Where that fails, so will what its sessions ask for, and the people are
/// told.
pub(crate) async fn admit(pool: &PgPool, booking: &Booking) {
    if let Err(error) = grant(pool, booking).await {
        tracing::warn!(%error, "the room's people cannot be let in");
    }
}

/// What each of its sessions begins with.
pub(crate) fn prelude() -> Vec<String> {
    let timeouts = ["statement_timeout", "idle_in_transaction_session_timeout"];
    timeouts.map(|name| format!("set {name} = '{PATIENCE}'")).into()
}

async fn grant(pool: &PgPool, booking: &Booking) -> Result<(), sqlx::Error> {
    for sql in statements(booking) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    }
    Ok(())
}

fn statements(booking: &Booking) -> Vec<String> {
    let schema = quote(&booking.schema);
    let table = format!("{schema}.{}", quote(&booking.table));
    vec![
        // Nothing is somebody else's on a server that is thrown away: what everybody may do there
        // by default is taken from everybody.
        "revoke temporary on database postgres from public".to_owned(),
        "revoke create on schema public from public".to_owned(),
        format!(
            "do $$ begin create role {ROLE} login nosuperuser nocreatedb nocreaterole \
             noreplication; exception when duplicate_object then null; end $$"
        ),
        CALLS.to_owned(),
        format!("grant usage on schema {schema} to {ROLE}"),
        format!("grant select, update on {table} to {ROLE}"),
    ]
}

/// What everybody may call that leaves something behind, stands in others' way, ends others'
/// sessions or lifts the limits of one's own.
const CALLS: &str = "do $$ declare each regprocedure; begin \
    for each in select p.oid from pg_catalog.pg_proc p \
        where p.pronamespace = 'pg_catalog'::regnamespace \
        and (p.proname ~ '^lo_|^lowrite$|^loread$|advisory|^pg_notify$|^set_config$|^pg_sleep' \
            or p.proname in ('pg_cancel_backend', 'pg_terminate_backend')) \
        and p.prokind = 'f' loop \
        execute format('revoke execute on function %s from public', each); \
    end loop; end $$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_may_book_in_one_table_and_names_are_quoted() {
        let booking = Booking { schema: "s".to_owned(), table: "my seats".to_owned() };
        let sql = statements(&booking).join("\n");
        assert!(sql.contains("grant select, update on s.\"my seats\" to overbooked_room"), "{sql}");
        assert_eq!(sql.matches("\ngrant ").count(), 2, "{sql}");
    }
}
