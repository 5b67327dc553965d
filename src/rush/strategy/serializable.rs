//! SERIALIZABLE: the database finds out that two have looked and both have booked, and refuses one
//! with 40001.

use futures::future::BoxFuture;

use super::for_update::look_then_sell;
use super::{Answer, Attempt, Strategy};
use crate::core::sql::rush as sql;
use crate::rush::attempt_error::AttemptError;
use crate::rush::trace::Request;
use crate::rush::worker::WorkerContext;
use crate::rush::worker_client::{Begin, WorkerClient};

/// Every transaction at SERIALIZABLE.
pub(super) struct AtSerializable;

impl Strategy for AtSerializable {
    /// Pgpool-II begins at another level, and tells nobody.
    fn prepare<'a>(
        &'a self,
        context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move {
            let mut line = context.connector.open().await?;
            line.run("begin isolation level serializable").await?;
            let told = line.run("show transaction_isolation").await?;
            line.run("rollback").await?;
            match told.first().and_then(|row| row.first()?.as_deref()) {
                Some("serializable") => Ok(()),
                level => Err(AttemptError::other_level(level.unwrap_or_default())),
            }
        })
    }

    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        _number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        let attempt: Box<dyn Attempt> = Box::new(Serializable);
        Box::pin(std::future::ready(Ok(attempt)))
    }
}

/// The naive transaction, at a level at which it is right.
struct Serializable;

impl Attempt for Serializable {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(look_then_sell(client, Begin::Serializable, sql::LOOK, request))
    }
}
