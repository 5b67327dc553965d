//! One queue a compartment: only the one who serves it writes, so that read-then-write is right.

use futures::future::BoxFuture;

use super::naive::read_then_write;
use super::{Answer, Staff, Strategy};
use crate::rush::desk::Desk;
use crate::rush::trace::Request;
use crate::rush::trouble::Trouble;

/// The naive transaction, with nobody to collide with.
pub(super) struct Queue;

impl Strategy for Queue {
    fn staff(&self) -> Staff {
        Staff::OneACompartment
    }

    fn attempt<'a>(
        &'a self,
        desk: &'a mut Desk,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, Trouble>> {
        Box::pin(read_then_write(desk, request))
    }
}
