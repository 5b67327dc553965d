//! Who works where: every worker has its runtime on one of the threads, and so has the worker that
//! serves a queue.
//!
//! ```text
//!                       everyone books          one a compartment books
//!  trace ──▶ worker ──▶ database         trace ──▶ worker ──▶ queue A ──▶ worker ──▶ database
//!    │  └──▶ worker ──▶ database           │  └──▶ worker ──▶ queue B ──▶ worker ──▶ database
//!    ▼                                     ▼                     (the worker waits for the answer)
//!  settled ──▶ one channel               settled ──▶ one channel
//! ```

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};

use super::attempt_error::AttemptError;
use super::dispatch::{self, Dispatch, Served};
use super::post::{self, Post, Poster};
use super::strategy::registry::Staffing;
use super::worker::{Worker, WorkerContext};
use super::worker_loop::{Opening, WorkerLoop};
use super::worker_thread::WorkerThread;

/// How many stand for election in each compartment.
const CANDIDATES: u32 = 2;

/// All workers, each on its thread.
pub(super) struct WorkerPool {
    context: Arc<WorkerContext>,
    threads: Vec<WorkerThread>,
    dispatches: Vec<Dispatch>,
    tasks: JoinSet<()>,
}

impl WorkerPool {
    /// Opens all connections, so that the clock starts with everybody ready.
    pub(super) async fn staff(
        context: Arc<WorkerContext>,
        compartments: u32,
    ) -> Result<Self, AttemptError> {
        let threads = WorkerThread::assemble(context.workers as usize)
            .map_err(|error| AttemptError::no_thread(&error))?;
        let mut pool = Self { context, threads, dispatches: Vec::new(), tasks: JoinSet::new() };
        if let Err(trouble) = pool.start(compartments).await {
            // Whoever has started would make anew what is cleared away now.
            pool.tasks.shutdown().await;
            return Err(trouble);
        }
        Ok(pool)
    }

    async fn start(&mut self, compartments: u32) -> Result<(), AttemptError> {
        match self.context.staffing {
            Staffing::Everyone => self.start_workers().await,
            Staffing::OneACompartment => self.start_queue_workers(compartments, 1).await,
            Staffing::CandidatesACompartment => {
                self.start_queue_workers(compartments, CANDIDATES).await
            }
            Staffing::PostedToCompartments => self.start_post(compartments).await,
        }
    }

    async fn start_workers(&mut self) -> Result<(), AttemptError> {
        for number in 0..self.context.workers {
            let started = start(self.runtime_of(number), Arc::clone(&self.context), number);
            let worker =
                started.await.map_err(|why| why.with_room_for(number, self.context.workers))?;
            self.dispatches.push(Dispatch::Worker(Box::new(worker)));
        }
        Ok(())
    }

    async fn start_queue_workers(
        &mut self,
        compartments: u32,
        candidates: u32,
    ) -> Result<(), AttemptError> {
        let mut queues = Vec::new();
        for compartment in 0..compartments {
            let (enter, queue) = dispatch::queue();
            let served = Served::new(&enter, queue);
            for number in (0..candidates).map(|round| round * compartments + compartment) {
                let worker =
                    start(self.runtime_of(number), Arc::clone(&self.context), number).await?;
                let serving = dispatch::serve(worker, served.clone());
                self.tasks.spawn_on(serving, &self.runtime_of(number));
            }
            queues.push(enter);
        }
        let queues: Arc<[_]> = queues.into();
        self.dispatches
            .extend((0..self.context.workers).map(|_| Dispatch::Queue(Arc::clone(&queues))));
        Ok(())
    }

    /// A worker for each compartment's queue, and everybody else sends.
    async fn start_post(&mut self, compartments: u32) -> Result<(), AttemptError> {
        let post = Post::new(compartments);
        let open = post.guard();
        for compartment in 0..compartments {
            let runtime = self.runtime_of(compartment);
            let worker = start(runtime, Arc::clone(&self.context), compartment).await?;
            let serving = post::serve(worker, Arc::clone(&post), compartment);
            self.tasks.spawn_on(serving, &self.runtime_of(compartment));
        }
        for number in 0..self.context.workers {
            let sender = self.context.strategy.open_sender()?;
            let poster = Poster::new(sender, (&post, &open), &self.context, number);
            self.dispatches.push(Dispatch::Post(Box::new(poster)));
        }
        Ok(())
    }

    /// Whoever has this number always comes to the same thread.
    fn runtime_of(&self, number: u32) -> Handle {
        self.threads[number as usize % self.threads.len()].runtime().clone()
    }

    /// Lets everybody work until the trace is used up or the shop is stopped. The channel's
    /// receiver sees the end when the last worker is done.
    pub(super) fn open(&mut self, opening: &Opening) {
        for (number, dispatch) in (0..).zip(std::mem::take(&mut self.dispatches)) {
            let worker_loop = WorkerLoop::new(dispatch, Arc::clone(&self.context), opening.clone());
            self.tasks.spawn_on(worker_loop.work(), &self.runtime_of(number));
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
    runtime: Handle,
    context: Arc<WorkerContext>,
    number: u32,
) -> Result<Worker, AttemptError> {
    runtime.spawn(Worker::start(context, number)).await.unwrap_or_else(panicked)
}

/// Nobody here ends another's task, so one that has not ended well has panicked.
fn panicked<T>(error: JoinError) -> T {
    std::panic::resume_unwind(error.into_panic())
}
