//! SERIALIZABLE: the database finds out that two have looked and both have booked, and refuses one
//! with 40001.

use futures::future::BoxFuture;

use super::for_update::look_then_sell;
use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Begin, WorkerClient};

/// The naive transaction, at a level at which it is right.
#[derive(Clone, Copy)]
pub(super) struct Serializable;

impl Attempt for Serializable {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(look_then_sell(client, Begin::Serializable, sql::LOOK, request))
    }
}
