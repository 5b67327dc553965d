//! Follows the stage, and shows it to everybody.

use std::time::{Duration, Instant};

use futures::FutureExt as _;

use super::shared::Shared;
use super::view;
use crate::stage::audience::Invitation;

/// How much that has happened is folded before it is shown.
const DRAINED: usize = 256;

/// Follows whatever is played, until nothing is any more. `begin` is the moment from which the
/// stage's times are counted.
pub(super) async fn follow(invitation: Invitation, shared: &Shared, begin: Instant) {
    let now = || -> Duration { begin.elapsed() };
    while let Some(mut listener) = invitation.join().await {
        shared.show(view::of(listener.stage()));
        while listener.hear(now).await {
            let mut heard = 1;
            while heard < DRAINED && listener.hear(now).now_or_never() == Some(true) {
                heard += 1;
            }
            shared.show(view::of(listener.stage()));
        }
    }
}
