//! An advisory lock on the seat's number: everybody agrees to take it first, and the rows
//! themselves are never waited for.

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Begin, WorkerClient};

/// A lock that the database keeps and only we understand.
#[derive(Clone, Copy)]
pub(super) struct Advisory;

impl Attempt for Advisory {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Request { seat, passenger, .. } = request;
            client.begin_and_look(Begin::Plain, sql::LOCK_SEAT, &[seat]).await?;
            // A statement of its own: its snapshot must be younger than the lock.
            let found = client.look(sql::LOOK, &[seat]).await?;
            if found.is_none_or(|seat| seat.first.is_some()) {
                client.commit().await?;
                return Ok(Answer::Taken);
            }
            client.think().await;
            client.change_and_commit(sql::SELL, &[seat, passenger]).await?;
            Ok(Answer::Booked(seat))
        })
    }
}
