//! One queue a compartment: only the one who serves it writes, so that read-then-write is right.

use futures::future::BoxFuture;

use super::naive::read_then_write;
use super::{Answer, Attempt};
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::WorkerClient;

/// The naive transaction, with nobody to collide with.
#[derive(Clone, Copy)]
pub(super) struct Queue;

impl Attempt for Queue {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(read_then_write(client, request))
    }
}
