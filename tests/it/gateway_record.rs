//! What a cluster of Aurora DSQL answered, asked of the strict engine.

use overbooked::gateway::{Sizes, Strictness, Wording};

use crate::gateway::{Served, says};

const ANSWERS: &str = include_str!("gateway_record/answers.txt");

#[tokio::test]
async fn the_strict_engine_answers_as_a_cluster_did() {
    let served = Served::with(|options| {
        options.strictness = Strictness::Dsql;
        options.wording = Wording::Plain;
        options.limits.sizes = Some(Sizes::default());
    })
    .await;
    let client = served.client().await;
    let (mut wrong, mut asked) = (Vec::new(), 0);
    let mut lines = ANSWERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    while let Some(line) = lines.next() {
        let (mark, sql) = line.split_at(2);
        let told = says(&client, sql).await;
        let expected = match mark {
            "> " => lines.next().unwrap().trim_start().to_owned(),
            "* " if told.contains('(') && told.ends_with(')') => told.clone(),
            "* " => "no error".to_owned(),
            _ => continue,
        };
        // The database is the test's own.
        let told = told.replace(served.database(), "postgres");
        asked += 1;
        if told != expected {
            wrong.push(format!("{sql}\n    cluster: {expected}\n    engine:  {told}"));
        }
    }
    assert!(asked > 150, "{asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}
