use super::*;
use crate::explorer::fake::{Counters, TWO, scenario};

async fn judged(text: &str, turns: &[usize]) -> (Verdict, usize, u64) {
    let (scenario, program) = scenario(text);
    let mut player = Counters::of(&scenario, &program);
    let played = player.play(&mut Along::turns(turns.to_vec())).await.unwrap();
    let noise = Noise::default();
    let mut serial = SerialOrders::new(&scenario, &program, &noise);
    let verdict = serial.judge(&mut player, &played).await.unwrap();
    // Once more: nothing is played a second time.
    let plays = player.plays;
    assert_eq!(serial.judge(&mut player, &played).await.unwrap(), verdict);
    assert_eq!(player.plays, plays);
    (verdict, serial.played(), plays)
}

#[tokio::test]
async fn the_order_in_which_they_ended_is_tried_first() {
    let (verdict, played, _) = judged(TWO, &[1, 1, 1, 0, 1, 0, 0, 0]).await;
    let Verdict::Serial(order) = verdict else { panic!("{verdict:?}") };
    assert_eq!(order.iter().map(|it| it.session).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(played, 1);
}

#[tokio::test]
async fn an_anomaly_has_been_held_against_every_order() {
    let (verdict, played, plays) = judged(TWO, &[0, 0, 1, 1, 0, 1, 0, 1]).await;
    assert_eq!((verdict, played, plays), (Verdict::Anomaly { orders: 2 }, 2, 3));
}

#[tokio::test]
async fn statements_without_a_transaction_are_transactions_each() {
    let text = "session Alice step a1 { select x } step a2 { update x }
        session Bob step b1 { select x } step b2 { update x }";
    let (verdict, ..) = judged(text, &[0, 1, 0, 1]).await;
    assert!(matches!(verdict, Verdict::Serial(order) if order.len() == 4));
}

#[test]
fn steps_that_are_left_out_are_named_to_the_player() {
    let (_, program) = scenario(TWO);
    let along = Along::only(&program, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    assert!((0..4).all(|step| along.leaves_out(0, step) && !along.leaves_out(1, step)));
}
