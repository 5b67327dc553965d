//! Read, then write, no lock: between the two, somebody else does the same.

use futures::future::BoxFuture;

use super::{Answer, Strategy};
use crate::core::sql::rush as sql;
use crate::rush::desk::Desk;
use crate::rush::trace::Request;
use crate::rush::trouble::Trouble;

/// The bug that everybody writes once.
pub(super) struct Naive;

impl Strategy for Naive {
    fn attempt<'a>(
        &'a self,
        desk: &'a mut Desk,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, Trouble>> {
        Box::pin(read_then_write(desk, request))
    }
}

/// Right only for somebody who is alone.
pub(super) async fn read_then_write(desk: &mut Desk, request: Request) -> Result<Answer, Trouble> {
    let Request { seat, passenger, .. } = request;
    let free = desk.look(sql::LOOK, &[seat]).await?.is_some_and(|seat| seat.first.is_none());
    if !free {
        return Ok(Answer::Taken);
    }
    desk.think().await;
    desk.change(sql::SELL, &[seat, passenger]).await?;
    Ok(Answer::Booked(seat))
}
