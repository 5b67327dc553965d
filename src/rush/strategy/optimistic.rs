//! The optimistic engine: nobody waits, everybody may sell, and COMMIT refuses all but the first
//! with OC000.

use futures::future::BoxFuture;

use super::for_update::look_then_sell;
use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Begin, WorkerClient};

/// The naive transaction, on an engine that judges it at COMMIT.
#[derive(Clone, Copy)]
pub(super) struct Optimistic;

impl Attempt for Optimistic {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(look_then_sell(client, Begin::Plain, sql::LOOK, request))
    }
}
