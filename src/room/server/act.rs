//! What visitors do: say a name, press a seat, answer a question, type SQL, steer.

use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::guard::Known;
use crate::room::follow::{Asked, RemoteButton, Request as Wanted};
use crate::room::people::Refusal;
use crate::room::shared::Shared;
use crate::room::token::Part;

/// How long a request may be, in bytes: names, seats and statements are short.
const LONGEST: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    seat: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// Which question, as the page has it.
    number: Option<usize>,
    answer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sql {
    sql: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steer {
    key: RemoteButton,
}

/// Who the visitor is, if they have said so.
pub(super) async fn me(
    State(shared): State<Arc<Shared>>,
    Extension(known): Extension<Known>,
) -> Response {
    ask(&shared, known, Wanted::Who { is_teacher: matches!(known.part, Part::Teacher(_)) }).await
}

/// The visitor is called so from now on.
pub(super) async fn name(
    State(shared): State<Arc<Shared>>,
    Extension(known): Extension<Known>,
    request: Request,
) -> Response {
    posted(&shared, known, request, |Name { name }| Wanted::Name(name)).await
}

/// The visitor wants a seat.
pub(super) async fn press(
    State(shared): State<Arc<Shared>>,
    Extension(known): Extension<Known>,
    request: Request,
) -> Response {
    posted(&shared, known, request, |Press { seat }| Wanted::Press(seat)).await
}

/// The visitor says what they think will happen.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(known): Extension<Known>,
    request: Request,
) -> Response {
    let wanted = |Answer { number, answer }| Wanted::Answer(number, answer);
    posted(&shared, known, request, wanted).await
}

/// The visitor sends a statement into a pane of their own.
pub(super) async fn sql(
    State(shared): State<Arc<Shared>>,
    Extension(known): Extension<Known>,
    request: Request,
) -> Response {
    posted(&shared, known, request, |Sql { sql }| Wanted::Sql(sql)).await
}

/// The teacher's remote steers.
pub(super) async fn steer(
    State(shared): State<Arc<Shared>>,
    Extension(known): Extension<Known>,
    request: Request,
) -> Response {
    posted(&shared, known, request, |Steer { key }| Wanted::Steer(key)).await
}

/// Asks for what the request's body means.
async fn posted<T: DeserializeOwned>(
    shared: &Shared,
    known: Known,
    request: Request,
    wanted: impl FnOnce(T) -> Wanted,
) -> Response {
    match read(request, shared).await {
        Ok(read) => ask(shared, known, wanted(read)).await,
        Err((status, why)) => refuse(status, &why),
    }
}

/// What is asked; or the status and the words of a refusal.
async fn read<T: DeserializeOwned>(
    request: Request,
    shared: &Shared,
) -> Result<T, (StatusCode, String)> {
    let refuse = |status, why: &str| (status, why.to_owned());
    let late = || refuse(StatusCode::REQUEST_TIMEOUT, "the request has not come whole");
    let long =
        || refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("at most {LONGEST} bytes are read"));
    let body = timeout(shared.limits.arrival, to_bytes(request.into_body(), LONGEST)).await;
    let body = body.map_err(|_| late())?.map_err(|_| long())?;
    serde_json::from_slice(&body)
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, &format!("this cannot be read: {error}")))
}

async fn ask(shared: &Shared, known: Known, request: Wanted) -> Response {
    let (answer, answered) = oneshot::channel();
    let asked = Asked { visitor: known.visitor, request, answer };
    if shared.asks.try_send(asked).is_err() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too much is asked at once; try again");
    }
    match answered.await {
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(refusal)) => refuse(status(&refusal), &refusal.to_string()),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "nothing is played any more"),
    }
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::TooFast => StatusCode::TOO_MANY_REQUESTS,
        Refusal::NoPane => StatusCode::FORBIDDEN,
        Refusal::Name(_) | Refusal::NoSeat | Refusal::NoAnswer | Refusal::Typed(_) => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::CONFLICT,
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}
