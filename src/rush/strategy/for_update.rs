//! SELECT ... FOR UPDATE: the row is locked before it is looked at, and whoever comes later waits.

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Begin, Phrase, WorkerClient};

/// Pessimism, with patience.
#[derive(Clone, Copy)]
pub(super) struct ForUpdate;

impl Attempt for ForUpdate {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(look_then_sell(client, Begin::Plain, sql::LOOK_FOR_UPDATE, request))
    }
}

/// One transaction that looks in this way and sells if the seat is free.
pub(super) async fn look_then_sell(
    client: &mut WorkerClient,
    begin: Begin,
    look: Phrase,
    request: Request,
) -> Result<Answer, AttemptError> {
    let Request { seat, passenger, .. } = request;
    let found = client.begin_and_look(begin, look, &[seat]).await?;
    if found.is_none_or(|seat| seat.first.is_some()) {
        client.commit().await?;
        return Ok(Answer::Taken);
    }
    client.think().await;
    client.change_and_commit(sql::SELL, &[seat, passenger]).await?;
    Ok(Answer::Booked(seat))
}
