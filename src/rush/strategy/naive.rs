//! Read, then write, no lock: between the two, somebody else does the same.

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::WorkerClient;

/// The bug that everybody writes once.
#[derive(Clone, Copy)]
pub(super) struct Naive;

impl Attempt for Naive {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(read_then_write(client, request))
    }
}

/// Right only for somebody who is alone.
pub(super) async fn read_then_write(
    client: &mut WorkerClient,
    request: Request,
) -> Result<Answer, AttemptError> {
    let Request { seat, passenger, .. } = request;
    let free = client.look(sql::LOOK, &[seat]).await?.is_some_and(|seat| seat.first.is_none());
    if !free {
        return Ok(Answer::Taken);
    }
    client.think().await;
    client.change(sql::SELL, &[seat, passenger]).await?;
    Ok(Answer::Booked(seat))
}
