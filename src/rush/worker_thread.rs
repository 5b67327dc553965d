//! Threads of the workers' own, as pgbench's `-j` has them.
//!
//! A worker stays on its thread, and the thread that reads its answer is the one that goes on with
//! it. On the runtime that everything else runs on, most answers would wake a second thread first:
//! that costs the machine as much as a short statement does.

use std::convert::Infallible;
use std::{io, thread};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Some workers' thread, and its runtime.
pub(super) struct WorkerThread {
    runtime: Handle,
    /// Dropped, it sends the thread home.
    _present: oneshot::Sender<Infallible>,
}

impl WorkerThread {
    /// As many as the machine has processors, but none without a worker.
    pub(super) fn assemble(workers: usize) -> io::Result<Vec<Self>> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        (0..processors.min(workers)).map(|_| Self::new_thread()).collect()
    }

    fn new_thread() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (present, gone) = oneshot::channel::<Infallible>();
        thread::Builder::new().name("rush".to_owned()).spawn(move || runtime.block_on(gone))?;
        Ok(Self { runtime: handle, _present: present })
    }

    /// Where its members' tasks are spawned.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}
