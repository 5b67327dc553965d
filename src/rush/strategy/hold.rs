//! A hold with a time to live in front of each seat: a held seat is refused without touching it,
//! and an unpaid hold expires.

use std::time::Duration;

use futures::future::BoxFuture;

use super::{Answer, Strategy};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::{Phrase, WorkerClient};

/// How long a passenger who does not think at all has to pay.
const SHORTEST: Duration = Duration::from_secs(2);

/// What a shop does with a basket.
pub(super) struct Hold {
    milliseconds: i32,
}

impl Hold {
    /// A hold that a passenger who thinks for this long can still pay for.
    pub(super) fn outlasting(think_time: Duration) -> Self {
        let time_to_live = SHORTEST.max(think_time * 3);
        Self { milliseconds: i32::try_from(time_to_live.as_millis()).unwrap_or(i32::MAX) }
    }
}

impl Strategy for Hold {
    fn tables(&self) -> &'static [Phrase] {
        &[sql::HOLDS]
    }

    fn attempt<'a>(
        &'a self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Request { seat, passenger, .. } = request;
            let holder = client.look(sql::LOOK_AT_HOLD, &[seat]).await?.and_then(|hold| hold.first);
            let ours = holder == Some(passenger);
            if holder.is_some() && !ours {
                return Ok(Answer::Taken);
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
