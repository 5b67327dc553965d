use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::explorer::fake::{Counters, EveryOrder, TWO, scenario};

async fn explored(text: &str, budget: Option<u64>, players: usize) -> (Found, Vec<News>) {
    let (scenario, program) = scenario(text);
    let mut players: Vec<_> = (0..players).map(|_| Counters::of(&scenario, &program)).collect();
    let (news, mut told) = unbounded_channel();
    let exploring = Exploring {
        scenario: &scenario,
        program: &program,
        noise: &Noise::default(),
        budget,
        repeat: 3,
        tells_orders: false,
        kind: &|_| None,
    };
    let (orders, stop) = (EveryOrder::of(&program), CancellationToken::new());
    let found = explore(exploring, orders, &mut players, &news, &stop).await.unwrap();
    drop(news);
    let mut all = Vec::new();
    while let Some(news) = told.recv().await {
        all.push(news);
    }
    (found, all)
}

#[tokio::test]
async fn a_lost_update_is_in_no_order_of_whole_transactions() {
    let (found, _) = explored(TWO, None, 1).await;
    assert!(found.is_complete && !found.is_interrupted);
    assert_eq!((found.plays, found.orders), (70, Some(70)));
    assert_eq!(found.classes.len(), 3);
    let anomalies: Vec<&Judged> =
        found.classes.iter().filter(|it| it.verdict.as_ref().unwrap().is_anomaly()).collect();
    let [lost] = &anomalies[..] else { panic!("{anomalies:?}") };
    assert_eq!(lost.verdict, Some(Verdict::Anomaly { orders: 2 }));
    // In 17 of 70 orders Alice has written before Bob reads, and in 17 Bob before Alice.
    assert_eq!(lost.class.orders, Some(36));
    assert_eq!(lost.class.witness, [0, 0, 1, 1, 1, 1, 0, 0]);
    assert!(found.classes.iter().enumerate().all(|(place, it)| it.again == [(place, 3)]));
}

#[tokio::test]
async fn several_players_find_the_same() {
    let (one, _) = explored(TWO, None, 1).await;
    let (three, _) = explored(TWO, None, 3).await;
    let summed = |found: &Found| {
        let mut all: Vec<_> = found
            .classes
            .iter()
            .map(|it| (it.class.witness.clone(), it.class.orders, it.class.plays))
            .collect();
        all.sort();
        all
    };
    assert_eq!(summed(&one), summed(&three));
}

#[tokio::test]
async fn what_is_left_when_the_budget_is_spent_is_not_called_everything() {
    let (found, _) = explored(TWO, Some(10), 2).await;
    assert_eq!(found.plays, 10);
    assert!(!found.is_complete && !found.is_interrupted);
}

#[tokio::test]
async fn it_is_told_as_it_goes_on() {
    let (found, news) = explored(TWO, None, 1).await;
    let names: Vec<String> = news
        .iter()
        .rev()
        .find_map(|news| match news {
            News::Classes(classes) => Some(classes.iter().map(|it| it.name.clone()).collect()),
            _ => None,
        })
        .unwrap();
    assert_eq!(names, ["n 2 · Alice sees 0", "n 1 · Alice sees 0", "n 2 · Alice sees 1"]);
    let last = Progress { plays: 70, orders: Some(70), classes: 3 };
    assert_eq!(news.last(), Some(&News::Progress(last)));
    assert_eq!(found.classes.len(), 3);
    // The first class is told when there is but one.
    assert!(news.iter().any(|news| matches!(news, News::Classes(all) if all.len() == 1)));
}

#[tokio::test]
async fn what_is_stopped_at_once_has_found_nothing() {
    let (scenario, program) = scenario(TWO);
    let stop = CancellationToken::new();
    stop.cancel();
    let (news, _) = unbounded_channel();
    let noise = Noise::default();
    let exploring = Exploring {
        scenario: &scenario,
        program: &program,
        noise: &noise,
        budget: None,
        repeat: 1,
        tells_orders: false,
        kind: &|_| None,
    };
    let mut players = [Counters::of(&scenario, &program)];
    let found =
        explore(exploring, EveryOrder::of(&program), &mut players, &news, &stop).await.unwrap();
    assert!(found.is_interrupted && !found.is_complete && found.classes.is_empty());
}
