//! A hold with a time to live in front of each seat: a held seat is refused without touching it,
//! and an unpaid hold expires.

use std::time::Duration;

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::WorkerClient;

/// What a shop does with a basket.
#[derive(Clone, Copy)]
pub(super) struct Hold {
    milliseconds: i32,
}

impl Hold {
    /// A hold that has to be paid within this time.
    pub(super) fn living(time_to_live: Duration) -> Self {
        Self { milliseconds: i32::try_from(time_to_live.as_millis()).unwrap_or(i32::MAX) }
    }
}

impl Attempt for Hold {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Request { seat, passenger, .. } = request;
            let hold = client.look(sql::LOOK_AT_HOLD, &[seat]).await?;
            let holder = hold.and_then(|hold| hold.first);
            let ours = holder == Some(passenger);
            if holder.is_some() && !ours {
                return Ok(Answer::Taken);
            }
            // A request that comes twice pays once.
            if hold.is_some_and(|hold| hold.second == Some(1)) {
                return Ok(Answer::Booked(seat));
            }
            if !ours && client.change(sql::HOLD, &[seat, passenger, self.milliseconds]).await? == 0
            {
                return Ok(Answer::Taken);
            }
            client.think().await;
            match client.change(sql::PAY, &[seat, passenger]).await? {
                0 => Ok(Answer::Outrun),
                _ => Ok(Answer::Booked(seat)),
            }
        })
    }
}
