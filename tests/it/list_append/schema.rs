//! Changes of the schema in the middle of it all, most of them through the gateway.

use rand::RngExt;
use rand::rngs::StdRng;

use super::connection::{Connection, Done, Failure, Statement};
use super::stage::Stage;

/// Each can be made again, whatever has become of the others.
const CHANGES: [&str; 14] = [
    "alter table arrays add column if not exists extra int default 7",
    "alter table arrays drop column if exists extra",
    "alter table texts add column if not exists extra timestamptz default clock_timestamp()",
    "alter table texts drop column if exists extra",
    "alter table entries add column if not exists extra text",
    "alter table entries drop column if exists extra",
    "create index async if not exists by_list on texts (list)",
    "drop index if exists by_list",
    "alter table arrays alter column list set default '{}'",
    "create table if not exists side (k int primary key, list int[])",
    "alter table if exists side add column if not exists extra int",
    "drop table if exists side",
    "comment on table texts is 'lists'",
    "create or replace view lengths as select k, length(list) as length from texts",
];

/// Past the gateway, where nobody makes way for it.
const CHANGES_FROM_OUTSIDE: [&str; 4] = [
    "alter table arrays add column if not exists extra int default 7",
    "alter table arrays drop column if exists extra",
    "vacuum full texts",
    "alter table entries alter column list set statistics 50",
];

/// Makes one change.
pub(super) async fn change(stage: &Stage, connection: &mut Connection, random: &mut StdRng) {
    match random.random_range(0..10) {
        0..7 => {
            let change = CHANGES[random.random_range(0..CHANGES.len())];
            try_change(stage, connection, change, random.random()).await;
        }
        7 => change_from_outside(stage, random).await,
        number => {
            let Ok(mut present) = stage.churn.try_lock() else { return };
            make_anew(stage, connection, &mut present, number == 8).await;
        }
    }
}

/// Makes a change by itself or in a block, and says whether it was made.
async fn try_change(
    stage: &Stage,
    connection: &mut Connection,
    change: &str,
    in_block: bool,
) -> bool {
    let plain = Statement::plain;
    let statements = if in_block {
        vec![plain("begin"), plain(change), plain("commit")]
    } else {
        vec![plain(change)]
    };
    match run_all(connection, &statements).await {
        Ok(_) => {
            stage.count("schema changes");
            return true;
        }
        Err(Failure::Gone) => *connection = stage.connect(connection.style).await,
        Err(Failure::Refused { code, message }) => {
            stage.count(&format!("schema changes refused {code}"));
            if code != "40001" {
                stage.complain(format!("{change}: {code} {message}"));
            }
            if connection.run(&plain("rollback")).await.is_err() {
                *connection = stage.connect(connection.style).await;
            }
        }
    }
    false
}

async fn run_all(
    connection: &mut Connection,
    statements: &[Statement],
) -> Result<Option<Done>, Failure> {
    let mut last = None;
    for statement in statements {
        last = Some(connection.run(statement).await?);
    }
    Ok(last)
}

async fn change_from_outside(stage: &Stage, random: &mut StdRng) {
    let change = CHANGES_FROM_OUTSIDE[random.random_range(0..CHANGES_FROM_OUTSIDE.len())];
    // Whoever waits behind it waits for whom it waits.
    let Ok(_nobody_is_slow) = stage.slow.try_lock() else { return };
    stage.outsider.batch_execute("set lock_timeout = '50ms'").await.unwrap();
    if stage.outsider.batch_execute(change).await.is_ok() {
        stage.count("schema changes from outside");
    }
}

/// Puts another table in the place of `churn`, whose lists stay under another name or are dropped.
async fn make_anew(stage: &Stage, connection: &mut Connection, present: &mut u32, keeps: bool) {
    let old = *present;
    let away = if keeps {
        format!("alter table churn rename to churn_{old}")
    } else {
        "drop table churn".to_owned()
    };
    loop {
        let found = generation(stage).await;
        let change = match &found {
            Some(found) if *found == old => away.clone(),
            Some(found) => {
                *present = *found;
                return;
            }
            None => format!(
                "create table churn (k int primary key, list int[] not null, \
                 generation int not null default {})",
                old + 1
            ),
        };
        if found == Some(old) && !keeps {
            stage.note_dropped(format!("churn_{old}"));
        }
        try_change(stage, connection, &change, old.is_multiple_of(2)).await;
    }
}

/// Which table of the name `churn` there is.
async fn generation(stage: &Stage) -> Option<u32> {
    let question = "select column_default from information_schema.columns \
                    where table_name = 'churn' and column_name = 'generation'";
    let row = stage.outsider.query_opt(question, &[]).await.unwrap()?;
    row.get::<_, String>(0).parse().ok()
}
