//! The floor: who works where. Every worker has a place on a crew's thread, and so has every
//! queue's clerk.
//!
//! ```text
//!                       everyone books          one a compartment books
//!  trace ──▶ worker ──▶ database         trace ──▶ worker ──▶ queue A ──▶ clerk ──▶ database
//!    │  └──▶ worker ──▶ database           │  └──▶ worker ──▶ queue B ──▶ clerk ──▶ database
//!    ▼                                     ▼                     (the worker waits for the answer)
//!  settled ──▶ one channel               settled ──▶ one channel
//! ```

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};

use super::attempt_error::AttemptError;
use super::dispatch::{self, Dispatch};
use super::strategy::Staffing;
use super::worker::{Worker, WorkerContext};
use super::worker_loop::{Opening, WorkerLoop};
use super::worker_thread::WorkerThread;

/// Everybody, at their places.
pub(super) struct WorkerPool {
    shop: Arc<WorkerContext>,
    crews: Vec<WorkerThread>,
    counters: Vec<Dispatch>,
    tasks: JoinSet<()>,
}

impl WorkerPool {
    /// Opens all connections, so that the clock starts with everybody ready.
    pub(super) async fn staff(
        shop: Arc<WorkerContext>,
        compartments: u32,
    ) -> Result<Self, AttemptError> {
        let crews = WorkerThread::assemble(shop.workers as usize)
            .map_err(|error| AttemptError::no_thread(&error))?;
        let mut floor = Self { shop, crews, counters: Vec::new(), tasks: JoinSet::new() };
        match floor.shop.staffing {
            Staffing::Everyone => floor.put_workers().await?,
            Staffing::OneACompartment => floor.put_clerks(compartments).await?,
        }
        Ok(floor)
    }

    async fn put_workers(&mut self) -> Result<(), AttemptError> {
        for number in 0..self.shop.workers {
            let started = start(self.place(number), Arc::clone(&self.shop), number);
            let worker =
                started.await.map_err(|why| why.with_room_for(number, self.shop.workers))?;
            self.counters.push(Dispatch::Worker(Box::new(worker)));
        }
        Ok(())
    }

    async fn put_clerks(&mut self, compartments: u32) -> Result<(), AttemptError> {
        let mut queues = Vec::new();
        for number in 0..compartments {
            let clerk = start(self.place(number), Arc::clone(&self.shop), number).await?;
            let (enter, queue) = dispatch::queue();
            self.tasks.spawn_on(dispatch::serve(clerk, queue), &self.place(number));
            queues.push(enter);
        }
        let queues: Arc<[_]> = queues.into();
        self.counters.extend((0..self.shop.workers).map(|_| Dispatch::Queue(Arc::clone(&queues))));
        Ok(())
    }

    /// Whoever has this number always comes to the same thread.
    fn place(&self, number: u32) -> Handle {
        self.crews[number as usize % self.crews.len()].runtime().clone()
    }

    /// Lets everybody work until the trace is used up or the shop is stopped. The channel's
    /// receiver sees the end when the last worker is done.
    pub(super) fn open(&mut self, opening: &Opening) {
        for (number, counter) in (0..).zip(std::mem::take(&mut self.counters)) {
            let shift = WorkerLoop::new(counter, Arc::clone(&self.shop), opening.clone());
            self.tasks.spawn_on(shift.work(), &self.place(number));
        }
    }

    /// Nobody is left behind; a worker that has panicked takes the rush with it.
    pub(super) async fn close(mut self) {
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap_or_else(panicked);
        }
    }
}

/// A connection belongs to the thread that it was opened on.
async fn start(
    place: Handle,
    shop: Arc<WorkerContext>,
    number: u32,
) -> Result<Worker, AttemptError> {
    place.spawn(Worker::start(shop, number.into())).await.unwrap_or_else(panicked)
}

/// Nobody here ends another's task, so one that has not ended well has panicked.
fn panicked<T>(error: JoinError) -> T {
    std::panic::resume_unwind(error.into_panic())
}
