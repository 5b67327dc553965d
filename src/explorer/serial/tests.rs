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

mod independent {
    //! The verdict beside another one: lists that are appended to, where the order of all writes is
    //! known in the end, and a ring in the graph of who depends on whom.

    use std::collections::BTreeMap;
    use std::convert::Infallible;
    use std::fmt::Write as _;

    use petgraph::algo::is_cyclic_directed;
    use petgraph::graph::DiGraph;
    use proptest::prelude::*;

    use crate::core::event::answer::Outcome as Answer;
    use crate::core::event::{Column, TransactionStatus};
    use crate::explorer::fake::scenario;
    use crate::explorer::outcome::Noise;
    use crate::explorer::played::{Answered, End, Guide, Launched, Played, Player, TableRows};
    use crate::explorer::serial::{Along, SerialOrders};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Operation {
        Append(u8),
        Read(u8),
    }

    /// Whoever appends leaves its name and a number; nobody is in anybody's way.
    struct Lists(Vec<Vec<Operation>>);

    type Stored = BTreeMap<u8, Vec<(usize, usize)>>;

    fn told(list: &[(usize, usize)]) -> String {
        list.iter().map(|(session, step)| format!("{session}.{step}")).collect::<Vec<_>>().join(" ")
    }

    fn answer(operation: Operation, own: (usize, usize), lists: &mut Stored) -> Answer {
        match operation {
            Operation::Append(item) => {
                lists.entry(item).or_default().push(own);
                Answer::Done { tag: "UPDATE 1".to_owned() }
            }
            Operation::Read(item) => Answer::Result {
                columns: vec![Column { name: "list".to_owned(), type_oid: 25 }],
                rows: vec![vec![Some(told(lists.get(&item).map_or(&[], Vec::as_slice)))]],
                count: 1,
                tag: "SELECT 1".to_owned(),
            },
        }
    }

    impl Player for Lists {
        type Error = Infallible;

        async fn play(&mut self, guide: &mut (dyn Guide + Send)) -> Result<Played, Infallible> {
            let (mut next, mut lists) = (vec![0; self.0.len()], Stored::new());
            let mut launches = Vec::new();
            loop {
                for (session, own) in self.0.iter().enumerate() {
                    while next[session] < own.len() && guide.leaves_out(session, next[session]) {
                        next[session] += 1;
                    }
                }
                let left = |session: &usize| next[*session] < self.0[*session].len();
                let enabled: Vec<usize> = (0..self.0.len()).filter(left).collect();
                let Some(session) = guide.next(&launches, &enabled) else { break };
                let step = next[session];
                next[session] += 1;
                let status = if next[session] == self.0[session].len() {
                    TransactionStatus::Idle
                } else {
                    TransactionStatus::InTransaction
                };
                let outcomes = vec![answer(self.0[session][step], (session, step), &mut lists)];
                let answer = Some(Answered { outcomes, status, lost: None, after: launches.len() });
                launches.push(Launched { session, step, enabled, answer });
            }
            let rows =
                lists.iter().map(|(item, list)| vec![Some(item.to_string()), Some(told(list))]);
            let columns = ["item", "list"].map(str::to_owned).to_vec();
            let table = TableRows { table: "lists".to_owned(), columns, rows: rows.collect() };
            let end = Some(End { tables: vec![table], ..End::default() });
            Ok(Played { launches, end, ..Played::default() })
        }
    }

    /// Whether somebody has to come before itself.
    fn has_ring(programs: &[Vec<Operation>], turns: &[usize]) -> bool {
        let (mut lists, mut next) = (Stored::new(), vec![0; programs.len()]);
        let mut reads: Vec<(usize, u8, usize)> = Vec::new();
        for &session in turns {
            let step = next[session];
            next[session] += 1;
            match programs[session][step] {
                Operation::Append(item) => lists.entry(item).or_default().push((session, step)),
                Operation::Read(item) => {
                    reads.push((session, item, lists.get(&item).map_or(0, Vec::len)));
                }
            }
        }
        let mut graph = DiGraph::<(), ()>::new();
        let nodes: Vec<_> = programs.iter().map(|_| graph.add_node(())).collect();
        let mut add = |from: usize, to: usize| {
            if from != to {
                graph.add_edge(nodes[from], nodes[to], ());
            }
        };
        for list in lists.values() {
            list.windows(2).for_each(|pair| add(pair[0].0, pair[1].0));
        }
        for (reader, item, length) in reads {
            let list = lists.get(&item).map_or(&[][..], Vec::as_slice);
            if let Some(last) = length.checked_sub(1) {
                add(list[last].0, reader);
            }
            // Of those who appended later, whoever is not the reader itself; a reader's own later
            // ones are after it in any case.
            if let Some((writer, _)) = list[length..].iter().find(|(it, _)| *it != reader) {
                add(reader, *writer);
            }
        }
        is_cyclic_directed(&graph)
    }

    fn text(programs: &[Vec<Operation>]) -> String {
        let mut text = String::new();
        for (session, own) in programs.iter().enumerate() {
            writeln!(text, "session s{session}").unwrap();
            for step in 0..own.len() {
                writeln!(text, "step s{session}_{step} {{ do {step} }}").unwrap();
            }
        }
        text
    }

    fn histories() -> impl Strategy<Value = (Vec<Vec<Operation>>, Vec<usize>)> {
        let operation =
            prop_oneof![(0..2_u8).prop_map(Operation::Append), (0..2_u8).prop_map(Operation::Read)];
        let programs = prop::collection::vec(prop::collection::vec(operation, 1..4), 2..4);
        programs.prop_flat_map(|programs| {
            let own = programs.iter().enumerate();
            let turns: Vec<usize> =
                own.flat_map(|(session, steps)| vec![session; steps.len()]).collect();
            (Just(programs), Just(turns).prop_shuffle())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn a_ring_is_what_no_order_of_whole_transactions_gives((programs, turns) in histories()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (scenario, program) = scenario(&text(&programs));
            let mut player = Lists(programs.clone());
            let noise = Noise::default();
            let mut serial = SerialOrders::new(&scenario, &program, &noise);
            let verdict = runtime.block_on(async {
                let Ok(played) = player.play(&mut Along::turns(turns.clone())).await;
                let Ok(verdict) = serial.judge(&mut player, &played).await;
                verdict
            });
            prop_assert_eq!(verdict.is_anomaly(), has_ring(&programs, &turns));
        }
    }
}
