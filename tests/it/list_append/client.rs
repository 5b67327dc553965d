//! A client: it tries one random transaction after the other, and notes what it was told.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::connection::{Connection, Done, Failure, STYLES, Slowness, Statement};
use super::history::{Operation, Outcome, Transaction};
use super::plan::{Fate, Plan, Shape, Step};
use super::schema;
use super::stage::Stage;

pub(super) struct Player {
    stage: Arc<Stage>,
    name: String,
    connection: Connection,
    random: StdRng,
}

/// How far a transaction came.
#[derive(Debug)]
struct Course {
    operations: Vec<Operation>,
    outcome: Outcome,
}

impl Player {
    pub(super) async fn enter(stage: Arc<Stage>, number: usize) -> Self {
        let style = STYLES[number % STYLES.len()];
        Self {
            name: format!("client {number} ({style:?})"),
            connection: stage.connect(style).await,
            random: StdRng::seed_from_u64(number as u64),
            stage,
        }
    }

    /// Plays until enough has been committed.
    pub(super) async fn play(mut self) {
        while !self.stage.is_over() {
            match self.random.random_range(0..300) {
                0..6 => {
                    let (stage, connection) = (Arc::clone(&self.stage), &mut self.connection);
                    schema::change(&stage, connection, &mut self.random).await;
                }
                6..8 => self.end_somebody().await,
                _ => self.try_one().await,
            }
        }
    }

    /// Ends one of the gateway's backends, maybe the own one.
    async fn end_somebody(&self) {
        let end = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = current_database() and pid <> pg_backend_pid() \
                   order by random() limit 1";
        self.stage.outsider.execute(end, &[]).await.unwrap();
        self.stage.count("backends ended");
    }

    async fn try_one(&mut self) {
        let stage = Arc::clone(&self.stage);
        let style = self.connection.style;
        let values = || stage.value();
        let plan = Plan::random(&mut self.random, style, stage.start(), values);
        let _only_slow_one = if plan.fate == Fate::IsSlow {
            let Ok(turn) = stage.slow.try_lock() else { return };
            self.be_slow();
            Some(turn)
        } else {
            None
        };
        let begun = stage.now();
        let course = match plan.shape {
            Shape::Block => self.play_apart(&plan).await,
            _ => self.play_at_once(&plan).await,
        };
        let Course { operations, outcome } = course;
        let ended = if outcome == Outcome::Unknown { u64::MAX } else { stage.now() };
        let client = self.name.clone();
        stage.note(Transaction { client, begun, ended, outcome, operations });
        stage.count(&format!("{outcome:?} {style:?}"));
        if outcome == Outcome::Committed {
            stage.committed.send_modify(|committed| *committed += 1);
        }
    }

    fn be_slow(&mut self) {
        let committed = self.stage.committed.subscribe();
        let until = (*committed.borrow() + 20).min(self.stage.wanted);
        self.connection.slowness = Some(Slowness { committed, until });
        self.stage.count("slow readers");
    }

    /// One statement after the other, in a block.
    async fn play_apart(&mut self, plan: &Plan) -> Course {
        let mut operations = Vec::new();
        if let Err(failure) = self.connection.run(&Statement::plain("begin")).await {
            let outcome = self.after(failure, plan, None, Outcome::Refused).await;
            return Course { operations, outcome };
        }
        for (number, step) in plan.steps.iter().enumerate() {
            if plan.fate == Fate::Leaves && number + 1 == plan.steps.len() {
                self.leave(std::slice::from_ref(&step.statement)).await;
                return Course { operations, outcome: Outcome::Refused };
            }
            match self.connection.run(&step.statement).await {
                Ok(done) => operations.extend(step.learn(&done)),
                Err(failure) => {
                    let outcome = self.after(failure, plan, Some(step), Outcome::Refused).await;
                    return Course { operations, outcome };
                }
            }
        }
        let outcome = self.commit(plan).await;
        // What was told before the COMMIT counts as much as what was not.
        Course { operations, outcome }
    }

    async fn commit(&mut self, plan: &Plan) -> Outcome {
        let commit = Statement::plain("commit");
        if plan.fate == Fate::LeavesUnheard {
            self.leave(&[commit]).await;
            return Outcome::Unknown;
        }
        match self.connection.run(&commit).await {
            Ok(done) if done.tag == "COMMIT" => Outcome::Committed,
            Ok(done) => {
                self.stage.complain(format!("COMMIT answers {:?}", done.tag));
                Outcome::Refused
            }
            Err(failure) => self.after(failure, plan, None, Outcome::Unknown).await,
        }
    }

    /// All in one message, or before one Sync. Whose answers are not heard may have appended all
    /// the same.
    async fn play_at_once(&mut self, plan: &Plan) -> Course {
        let statements = plan.statements();
        if matches!(plan.fate, Fate::Leaves | Fate::LeavesUnheard) {
            self.leave(&statements).await;
            return Course { operations: self.intended(plan), outcome: Outcome::Unknown };
        }
        let done = if plan.shape == Shape::Alone {
            self.connection.run(&statements[0]).await.map(|done| vec![done])
        } else {
            self.connection.run_together(&statements).await
        };
        match done {
            Ok(done) => Course { operations: learned(plan, &done), outcome: Outcome::Committed },
            Err(failure) => {
                let step = plan.steps.iter().find(|step| step.may_find_no_table());
                let outcome = self.after(failure, plan, step, Outcome::Unknown).await;
                Course { operations: self.intended(plan), outcome }
            }
        }
    }

    /// What may have been appended unheard.
    fn intended(&self, plan: &Plan) -> Vec<Operation> {
        let updates = plan.steps.iter().filter_map(Step::updates);
        updates.for_each(|value| self.stage.note_unheard_update(value));
        plan.steps.iter().filter_map(Step::intends).collect()
    }

    async fn leave(&mut self, last: &[Statement]) {
        let next = self.stage.connect(self.connection.style).await;
        std::mem::replace(&mut self.connection, next).run_unheard(last).await;
        self.stage.count("clients left");
    }

    /// What a failure means for the transaction, and back to where the next one can be tried.
    async fn after(
        &mut self,
        failure: Failure,
        plan: &Plan,
        step: Option<&Step>,
        gone: Outcome,
    ) -> Outcome {
        let style = self.connection.style;
        let Failure::Refused { code, message } = failure else {
            self.connection = self.stage.connect(style).await;
            self.stage.count("connections lost");
            return gone;
        };
        // OC000 and OC001 have one code.
        let kind = message.rsplit_once(' ').map_or("", |(_, last)| last);
        self.stage.count(&format!("refused {code} {}", if code == "40001" { kind } else { "" }));
        let may_be =
            code == "40001" || code == "42P01" && step.is_some_and(Step::may_find_no_table);
        if !may_be {
            let (shape, steps) = (plan.shape, &plan.steps);
            let sql: Vec<_> = steps.iter().map(|step| &step.statement).collect();
            self.stage.complain(format!("{style:?}, {shape:?}: {code} {message}: {sql:?}"));
        }
        if matches!(plan.shape, Shape::Block | Shape::BlockAtOnce) {
            let rolled_back = self.connection.run(&Statement::plain("rollback")).await;
            if let Err(failure) = rolled_back {
                if let Failure::Refused { code, message } = &failure {
                    self.stage.complain(format!("ROLLBACK is refused: {code} {message}"));
                }
                self.connection = self.stage.connect(style).await;
            }
        }
        Outcome::Refused
    }
}

/// What the statements' answers tell, BEGIN's and COMMIT's left out.
fn learned(plan: &Plan, done: &[Done]) -> Vec<Operation> {
    let steps = done.iter().skip(usize::from(plan.shape == Shape::BlockAtOnce));
    plan.steps.iter().zip(steps).flat_map(|(step, done)| step.learn(done)).collect()
}
