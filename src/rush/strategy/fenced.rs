//! How a seat is bought by whoever holds something on it: trusting in that, or with a token that
//! the database checks.

use std::sync::Arc;

use super::Answer;
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::trace::Request;
use crate::rush::worker_client::{Phrase, WorkerClient};

/// Nothing but what is held keeps others away.
pub(super) async fn buy(
    client: &mut WorkerClient,
    request: Request,
) -> Result<Answer, AttemptError> {
    let Request { seat, passenger, .. } = request;
    let Some(found) = client.look(sql::LOOK, &[seat]).await? else { return Ok(Answer::Taken) };
    if let Some(owner) = found.first {
        return Ok(owned_by(owner, request));
    }
    client.think().await;
    client.change(sql::SELL, &[seat, passenger]).await?;
    Ok(Answer::Booked(seat))
}

/// What came of a look that leaves a token.
pub(super) enum Look {
    /// The token is the last one.
    Free,
    /// There is a newer one, or the same.
    Behind(i32),
    Over(Answer),
}

/// Leaves the token in the seat's row, if it is free and the token is newer than the last.
pub(super) async fn look_fenced(
    client: &mut WorkerClient,
    phrase: Phrase,
    request: Request,
    token: i32,
) -> Result<Look, AttemptError> {
    let Some(found) = client.look(phrase, &[request.seat, token]).await? else {
        return Ok(Look::Over(Answer::Taken));
    };
    if let Some(owner) = found.first {
        return Ok(Look::Over(owned_by(owner, request)));
    }
    match found.second.unwrap_or_default() {
        last if last == token => Ok(Look::Free),
        last => Ok(Look::Behind(last.saturating_neg())),
    }
}

/// Sells if the token is still the last one.
pub(super) async fn sell_fenced(
    client: &mut WorkerClient,
    request: Request,
    token: i32,
    figures: &Figures,
) -> Result<Answer, AttemptError> {
    let Request { seat, passenger, .. } = request;
    client.think().await;
    match client.change(sql::SELL_FENCED, &[seat, passenger, token]).await? {
        0 => {
            figures.count(Figure::Fenced);
            Ok(Answer::Outrun)
        }
        _ => Ok(Answer::Booked(seat)),
    }
}

/// The same as `buy`, with a token that only grows.
pub(super) async fn buy_fenced(
    client: &mut WorkerClient,
    request: Request,
    revision: i64,
    figures: &Arc<Figures>,
) -> Result<Answer, AttemptError> {
    let token = token(revision)?;
    match look_fenced(client, sql::LOOK_FENCED, request, token).await? {
        Look::Over(answer) => Ok(answer),
        Look::Free => sell_fenced(client, request, token, figures).await,
        Look::Behind(_) => {
            figures.count(Figure::Fenced);
            Ok(Answer::Outrun)
        }
    }
}

/// The rush's statements know only integers.
pub(super) fn token(revision: i64) -> Result<i32, AttemptError> {
    i32::try_from(revision).map_err(|_| AttemptError::unreadable())
}

/// A request that comes twice is answered twice.
fn owned_by(owner: i32, request: Request) -> Answer {
    if owner == request.passenger { Answer::Booked(request.seat) } else { Answer::Taken }
}
