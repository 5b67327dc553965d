//! FOR UPDATE SKIP LOCKED: not this seat, but the best one of the compartment that nobody else is
//! busy with.

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Begin, WorkerClient};

/// For passengers who want a seat rather than that seat.
#[derive(Clone, Copy)]
pub(super) struct SkipLocked;

impl Attempt for SkipLocked {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Request { compartment, passenger, .. } = request;
            let best =
                client.begin_and_look(Begin::Plain, sql::BEST_AVAILABLE, &[compartment]).await?;
            let Some(seat) = best.and_then(|best| best.first) else {
                return none_available(client, compartment).await;
            };
            client.think().await;
            client.change_and_commit(sql::SELL, &[seat, passenger]).await?;
            Ok(Answer::Booked(seat))
        })
    }
}

/// Sold out, or every free seat is locked by somebody who may yet let it go?
async fn none_available(
    client: &mut WorkerClient,
    compartment: i32,
) -> Result<Answer, AttemptError> {
    let free = client.look(sql::ANY_FREE, &[compartment]).await?;
    client.commit().await?;
    match free.and_then(|free| free.first) {
        Some(0) | None => Ok(Answer::Taken),
        Some(_) => Ok(Answer::Outrun),
    }
}
