//! The stage as server-sent events: whole at first, then what changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, stream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::room::shared::{Follower, Shared};

/// How long there may be silence: what stands between would take a silent line for a dead one.
const SILENCE: Duration = Duration::from_secs(15);

/// What a browser does after the line was cut: it comes again within a second.
const RETRY: &str = "retry: 1000\n\n";

/// Follows from the last event that was heard on.
pub(super) async fn follow(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let heard = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let following = Following {
        changed: shared.changes(),
        _follower: shared.one_more(),
        shared,
        heard,
        has_begun: false,
    };
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(following.stream())).into_response()
}

/// A browser's place in the feed.
struct Following {
    shared: Arc<Shared>,
    changed: watch::Receiver<()>,
    heard: Option<u64>,
    has_begun: bool,
    _follower: Follower,
}

impl Following {
    /// What it is told, asked for piece by piece as it can be sent: nothing is queued.
    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut following| async move {
            let text = following.next().await?;
            Some((Ok(Bytes::from(text)), following))
        })
    }

    /// The next piece; none once the room is closed.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(RETRY.to_owned());
        }
        loop {
            self.changed.mark_unchanged();
            let told = self.shared.feed().after(self.heard);
            if let Some((number, text)) = told {
                self.heard = Some(number);
                return Some(text);
            }
            match timeout(SILENCE, self.changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(": still here\n\n".to_owned()),
            }
        }
    }
}
