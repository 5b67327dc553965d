//! FOR UPDATE NOWAIT: an error at once instead of a wait; the worker waits for itself, and tries
//! again.

use futures::future::BoxFuture;

use super::for_update::look_then_sell;
use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Begin, WorkerClient};

/// Pessimism, without patience.
#[derive(Clone, Copy)]
pub(super) struct Nowait;

impl Attempt for Nowait {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(look_then_sell(client, Begin::Plain, sql::LOOK_NOWAIT, request))
    }
}
