//! Two programs behind the debugger, and who lets them go: one statement at a time, and the next
//! when nobody moves any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::core::event::SessionName;
use overbooked::debugger::Debugger;
use overbooked::debugger::breakpoints::{HoldMode, Rules};
use overbooked::debugger::guests::{Order, State};
use overbooked::gateway::{Mode, StatementHooks};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use super::booker::{Booker, NAMES};
use super::{LOOK, TABLES, Turns, Verdict};
use crate::gateway::Served;

const DEADLINE: Duration = Duration::from_mins(1);

/// How long a statement that runs is left before the database is asked once more who waits.
const PULSE: Duration = Duration::from_millis(2);

const RESET: &str = "drop table if exists seats, bookings, claims; ";

pub(super) struct Stage {
    debugger: Arc<Debugger>,
    clients: [Client; 2],
    pids: [i32; 2],
    /// A session that nobody holds.
    outsider: Client,
    _served: Served,
}

/// An order that was played.
pub(super) struct Held {
    pub(super) turns: Turns,
    pub(super) verdict: Verdict,
    /// How often one of them waited while it was the other's turn.
    pub(super) waits: usize,
}

/// What is noted of a play.
struct Play {
    turns: Mutex<Turns>,
    answers: [Mutex<Vec<String>>; 2],
    ended: watch::Sender<[bool; 2]>,
}

/// How a program stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    Ended,
    /// As this name, with this statement.
    Held(String, String),
    /// The server has its statement.
    Running,
    /// It is about to send something, or to end.
    Thinking,
}

impl Stage {
    pub(super) async fn start() -> Self {
        let rules = Rules { mode: HoldMode::Everything, ..Rules::default() };
        let (debugger, mut news) = Debugger::start(rules);
        tokio::spawn(async move { while news.recv().await.is_some() {} });
        let hooks = Arc::clone(&debugger) as Arc<dyn StatementHooks>;
        let served = Served::with(|options| {
            options.mode = Mode::PassThrough;
            options.hooks = Some(hooks);
        })
        .await;
        let clients = [guest(&served, NAMES[0]).await, guest(&served, NAMES[1]).await];
        let pids = [pid(&clients[0]).await, pid(&clients[1]).await];
        let outsider = served.outsider().await;
        Self { debugger, clients, pids, outsider, _served: served }
    }

    /// Plays the two in an order of chance.
    pub(super) async fn play(&self, bookers: &[Booker; 2], random: &mut StdRng) -> Held {
        self.outsider.batch_execute(&format!("{RESET}{TABLES}")).await.unwrap();
        let play = Play {
            turns: Mutex::default(),
            answers: Default::default(),
            ended: watch::Sender::new([false; 2]),
        };
        let program = async |who: usize| {
            let answered = |answer| play.answers[who].lock().unwrap().push(answer);
            bookers[who].run(&self.clients[who], answered).await;
            play.ended.send_modify(|ended| ended[who] = true);
        };
        let all = async { tokio::join!(program(0), program(1), self.let_go(&play, random)).2 };
        let Ok(waits) = timeout(DEADLINE, all).await else {
            panic!("{bookers:?} do not end: {:#?} {:#?}", play.turns, self.debugger.state())
        };
        let tables = self.outsider.query_one(LOOK, &[]).await.unwrap().get(0);
        let answers = play.answers.map(|answers| answers.into_inner().unwrap());
        let tables = super::in_short(&[tables], 1);
        Held {
            turns: play.turns.into_inner().unwrap(),
            verdict: Verdict { answers, tables },
            waits,
        }
    }

    /// Lets one go after the other until both have ended; how often the other waited meanwhile.
    async fn let_go(&self, play: &Play, random: &mut StdRng) -> usize {
        let mut waits = 0;
        loop {
            let standings = self.settled(play).await;
            waits += usize::from(standings.contains(&Standing::Running));
            let held = standings.into_iter().enumerate();
            let held = held.filter_map(|(who, standing)| match standing {
                Standing::Held(name, sql) => Some((who, name, sql)),
                _ => None,
            });
            let mut held: Vec<_> = held.collect();
            if held.is_empty() {
                return waits;
            }
            let (who, name, sql) = held.swap_remove(random.random_range(0..held.len()));
            play.turns.lock().unwrap().push((who, sql));
            self.debugger.obey(Order::LetGo(SessionName::new(&name))).unwrap();
        }
    }

    /// Waits until nobody moves: who runs then waits for the other, who is held.
    async fn settled(&self, play: &Play) -> [Standing; 2] {
        let (mut changes, mut ended) = (self.debugger.changes(), play.ended.subscribe());
        let mut pulse = tokio::time::interval(PULSE);
        loop {
            changes.borrow_and_update();
            let (state, over) = (self.debugger.state(), *ended.borrow_and_update());
            let standings = [0, 1].map(|who| self.standing(&state, over[who], who));
            let running = standings.iter().position(|it| *it == Standing::Running);
            let is_settled = match running {
                _ if standings.contains(&Standing::Thinking) => false,
                None => true,
                Some(who) => {
                    let is_held = matches!(standings[1 - who], Standing::Held(..));
                    is_held && self.waits_for_the_other(who).await
                }
            };
            // What was answered meanwhile counts.
            if is_settled && !changes.has_changed().unwrap() {
                return standings;
            }
            tokio::select! {
                moved = changes.changed() => moved.unwrap(),
                over = ended.changed() => over.unwrap(),
                _ = pulse.tick(), if running.is_some() => {}
            }
        }
    }

    fn standing(&self, state: &State, is_over: bool, who: usize) -> Standing {
        let transaction = state.transactions.iter().find(|it| it.pid == self.pids[who]);
        match transaction {
            _ if is_over => Standing::Ended,
            None => Standing::Thinking,
            Some(transaction) => match &transaction.held {
                Some(held) => Standing::Held(transaction.name.clone(), held.sql.to_string()),
                None if transaction.running.is_some() => Standing::Running,
                None => Standing::Thinking,
            },
        }
    }

    async fn waits_for_the_other(&self, who: usize) -> bool {
        let sql = "select $1 = any(pg_blocking_pids($2))";
        let [one, other] = [self.pids[1 - who], self.pids[who]];
        self.outsider.query_one(sql, &[&one, &other]).await.unwrap().get(0)
    }
}

async fn guest(served: &Served, name: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    let port = served.gateway.address().unwrap().port();
    config.host("127.0.0.1").port(port).user(SUPERUSER).dbname(served.database());
    let (client, connection) = config.application_name(name).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn pid(client: &Client) -> i32 {
    client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0)
}
