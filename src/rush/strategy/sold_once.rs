//! A request that may be delivered more than once, and is settled once: its number is kept in the
//! database, in the transaction that sells.

use super::Answer;
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::trace::Request;
use crate::rush::worker_client::WorkerClient;

/// Looks and sells; one that has got its seat before is told so again.
pub(super) async fn sell_once(
    client: &mut WorkerClient,
    request: Request,
    figures: &Figures,
) -> Result<Answer, AttemptError> {
    let Request { seat, passenger, .. } = request;
    let looked = client.look(sql::LOOK_ONCE, &[seat, passenger]).await?;
    let Some(found) = looked else { return Ok(Answer::Taken) };
    if let Some(sold) = found.second {
        figures.count(Figure::KnownRequests);
        return Ok(Answer::Booked(sold));
    }
    if found.first.is_some() {
        return Ok(Answer::Taken);
    }
    client.think().await;
    match client.change(sql::SELL_ONCE, &[seat, passenger]).await? {
        0 => Ok(Answer::Outrun),
        _ => Ok(Answer::Booked(seat)),
    }
}
