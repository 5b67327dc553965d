//! What is listened at: HTTP/1.1, everything bounded.
//!
//! | request | what it is |
//! |---|---|
//! | `GET /join/TOKEN` | makes a cookie of the token |
//! | `GET /` | the page, with its style and its script beside it |
//! | `GET /events` | the stage, and what changes (server-sent events) |
//! | `GET /me` | who the visitor is |
//! | `POST /name`, `POST /press` | says a name, presses a seat |
//! | `POST /answer` | says who will have the seat that is asked about |
//! | `POST /sql` | sends a statement into the pane that the teacher has given |
//! | `POST /steer` | the teacher's remote: steps the script, steers the room |
//!
//! Whoever has no cookie of ours gets nothing else, and whatever changes something must come from
//! the page itself.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware::from_fn};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use self::guard::Peer;
use super::limits::Limits;
use super::shared::Shared;

mod act;
mod events;
mod guard;
mod join;
mod page;

/// How much of a request is read ahead.
const AHEAD: usize = 16 * 1024;

/// What every answer says: nothing from elsewhere is run, shown or told where it is from.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers whoever connects, until it is dropped.
#[expect(clippy::disallowed_methods, reason = "nobody tells when files can be opened again")]
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let limits = shared.limits;
    let places = Arc::new(Semaphore::new(limits.connections));
    let router = router(shared);
    let mut connected = JoinSet::new();
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connected.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let router = router.clone().layer(Extension(Peer(peer.ip())));
                connected.spawn(answer(stream, router, limits, place));
            }
            // Such as too many open files, which does not end by asking at once again.
            Err(error) => {
                tracing::warn!(%error, "the room's socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, router: Router, limits: Limits, place: OwnedSemaphorePermit) {
    // An event is small and is to be seen at once.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.reading));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.arrival)
        .max_buf_size(AHEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the room's socket");
    }
    drop(place);
}

fn router(shared: Arc<Shared>) -> Router {
    let known = Router::new()
        .route("/", get(page::html))
        .route("/room.css", get(page::css))
        .route("/room.js", get(page::js))
        .route("/events", get(events::follow))
        .route("/me", get(act::me))
        .route("/name", post(act::name))
        .route("/press", post(act::press))
        .route("/answer", post(act::answer))
        .route("/sql", post(act::sql))
        .route("/steer", post(act::steer).layer(from_fn(guard::teacher)))
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::known));
    Router::new()
        .route("/join/{token}", get(join::join))
        .merge(known)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::own))
        .layer(from_fn(headers))
        .with_state(shared)
}

async fn headers(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn nothing(State(_): State<Arc<Shared>>, method: Method) -> Response {
    let status =
        if method == Method::GET { StatusCode::NOT_FOUND } else { StatusCode::METHOD_NOT_ALLOWED };
    (status, "there is nothing here\n").into_response()
}

#[cfg(test)]
mod tests;
