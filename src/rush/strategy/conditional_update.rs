//! UPDATE ... WHERE still free: compare and swap in one statement, which is a transaction of its
//! own.

use futures::future::BoxFuture;

use super::{Answer, Attempt};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker_client::WorkerClient;

/// Does not look before it books.
#[derive(Clone, Copy)]
pub(super) struct ConditionalUpdate;

impl Attempt for ConditionalUpdate {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            client.think().await;
            match client.change(sql::SELL_IF_FREE, &[request.seat, request.passenger]).await? {
                0 => Ok(Answer::Taken),
                _ => Ok(Answer::Booked(request.seat)),
            }
        })
    }
}
