//! A version column: the row is written only if it is still as it was read; what object-relational
//! mappers call optimistic locking.

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::WorkerClient;

/// Reads without a lock, and notices at the write.
#[derive(Clone, Copy)]
pub(super) struct Version;

impl Attempt for Version {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Request { seat, passenger, .. } = request;
            let found = client.look(sql::LOOK, &[seat]).await?;
            let Some((None, Some(version))) = found.map(|seat| (seat.first, seat.second)) else {
                return Ok(Answer::Taken);
            };
            client.think().await;
            match client.change(sql::SELL_IF_VERSION, &[seat, passenger, version]).await? {
                0 => Ok(Answer::Outrun),
                _ => Ok(Answer::Booked(seat)),
            }
        })
    }
}
