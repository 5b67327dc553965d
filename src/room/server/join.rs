//! The token in the address becomes a cookie.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Path, State};
use axum::http::header::{self, HeaderMap};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::guard::{Peer, by_cookie, refuse};
use crate::room::shared::Shared;
use crate::room::token::{Part, Visitor};

/// Lets somebody in who has a token.
pub(super) async fn join(
    State(shared): State<Arc<Shared>>,
    Extension(Peer(from)): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    // Whoever only asks whether there is something (HEAD) has not come in, and takes no remote.
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let now = Instant::now();
    if !shared.guesses().may(from, now) {
        let words = "too many wrong tokens have come from here; try again in a few seconds\n";
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3")], words)
            .into_response();
    }
    let Some(part) = shared.part(&token) else {
        shared.guesses().note_wrong(from, now);
        return refuse("this token is wrong, or that of a room that was closed");
    };
    // Whoever comes a second time is the same person.
    let known = by_cookie(&shared, &headers);
    let visitor = known.map_or_else(Visitor::new, |known| known.visitor);
    let part = match (part, known.map(|known| known.part)) {
        (Part::Guest, Some(had)) => had,
        (part, _) => part,
    };
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax",
        shared.cookie_name(),
        shared.keys.cookie(visitor, part)
    );
    // The page's own address has no token in it, to be looked at over a shoulder.
    let answer = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())];
    (StatusCode::SEE_OTHER, answer).into_response()
}
