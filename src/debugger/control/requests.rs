//! What can be asked, and what is answered: JSON both ways.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::expression::{Expression, name_of};
use super::words;
use crate::core::error_chain::with_causes;
use crate::core::event::SessionName;
use crate::debugger::Debugger;
use crate::debugger::breakpoints::{Breakpoint, HoldMode};
use crate::debugger::gate::{Met, Opening};
use crate::debugger::guests::{Answer, Order, OrderError, State};

/// How many may wait at once.
pub(super) const WAITS: usize = 64;

/// How long a request may be.
const LONGEST: usize = 64 * 1024;

/// How long it is waited where nothing else is said, and at most.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const MOST_PATIENCE: Duration = Duration::from_hours(1);

/// What there is to ask, for whoever asks for something else.
const ALL: &str = "there are GET /state and POST /wait, /release, /answer, /hold, /breakpoints";

/// Wait until this is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitRequest {
    pub expression: String,
    /// At most so long; 10 s if it is left out.
    pub timeout_ms: Option<u64>,
}

/// Let statements go: one, several or all; at the same instant if `together`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    pub all: bool,
    pub together: bool,
}

/// Answer a held statement in the server's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    pub name: String,
    /// `40001`, `57014`, `cut` …
    pub answer: String,
}

/// What is held from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    pub mode: String,
}

/// These breakpoints from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakpointsRequest {
    pub breakpoints: Vec<String>,
}

/// What was let go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    pub released: Vec<String>,
    /// Who met inside the statement, where they were let go together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<String>,
}

/// How things stand, now that it has been done, or is so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub state: State,
}

/// What was asked is not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// A sentence: why not, and what to do.
    pub error: String,
    /// How things stand instead, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// What every answer needs.
#[derive(Clone, Debug)]
struct Service {
    debugger: Arc<Debugger>,
    waits: Arc<Semaphore>,
    /// How long a request may take to arrive.
    arrival: Duration,
}

type Answered<T> = Result<Json<T>, Refusal>;

/// A refusal, with its status.
#[derive(Debug)]
struct Refusal(StatusCode, Box<Refused>);

impl Refusal {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self(status, Box::new(Refused { error: error.into(), state: None }))
    }

    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
    fn bad(error: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<OrderError> for Refusal {
    fn from(error: OrderError) -> Self {
        Self::new(StatusCode::CONFLICT, error.to_string())
    }
}

/// Everything that can be asked of this debugger.
pub(super) fn router(debugger: Arc<Debugger>, arrival: Duration) -> Router {
    let waits = Arc::new(Semaphore::new(WAITS));
    Router::new()
        .route("/state", get(state))
        .route("/wait", post(wait))
        .route("/release", post(release))
        .route("/answer", post(answer))
        .route("/hold", post(hold))
        .route("/breakpoints", post(breakpoints))
        .fallback(nothing_there)
        .method_not_allowed_fallback(not_that_way)
        .with_state(Service { debugger, waits, arrival })
}

/// The same, by an address that a web page in a browser could ask as well.
pub(super) fn guarded(router: Router) -> Router {
    router.layer(middleware::from_fn(no_browsers))
}

/// A page from elsewhere must not steer it: a browser says where a page comes from, and whoever has
/// a name of his own lead to this machine is known by that name.
async fn no_browsers(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_this_machine(host) || headers.contains_key(header::ORIGIN) {
        let words = "a web page must not steer the debugger; ask from a program";
        return Refusal::new(StatusCode::FORBIDDEN, words).into_response();
    }
    next.run(request).await
}

/// Whether a request's host, with its port or without, is an address of this machine alone.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

async fn nothing_there(uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no {}; {ALL}", uri.path()))
}

async fn not_that_way(method: Method, uri: Uri) -> Refusal {
    let words = format!("{} is not asked by {method}; {ALL}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, words)
}

/// What somebody asks, whole and in time.
async fn asked<T: DeserializeOwned>(service: &Service, request: Request) -> Result<T, Refusal> {
    let late = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request has not come whole");
    let long = |_| {
        let words = format!("a request is at most {LONGEST} bytes long");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, words)
    };
    let body = timeout(service.arrival, to_bytes(request.into_body(), LONGEST)).await;
    let body = body.map_err(|_| late())?.map_err(long)?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad(format!("the request cannot be read: {error}")))
}

async fn state(Shared(service): Shared<Service>) -> Json<State> {
    Json(service.debugger.state())
}

async fn wait(Shared(service): Shared<Service>, request: Request) -> Answered<Standing> {
    let WaitRequest { expression, timeout_ms } = asked(&service, request).await?;
    let expression: Expression = expression.parse().map_err(Refusal::bad)?;
    let patience = timeout_ms.map_or(PATIENCE, Duration::from_millis);
    if patience > MOST_PATIENCE {
        return Err(Refusal::bad("timeout_ms is at most an hour, 3600000"));
    }
    let Ok(_place) = service.waits.try_acquire() else {
        let words = format!("{WAITS} wait already; try again when one of them is through");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, words));
    };
    match timeout(patience, service.debugger.wait_for(|state| expression.is_so(state))).await {
        Ok(state) => Ok(Json(Standing { state })),
        Err(_) => Err(not_so(&expression, service.debugger.state(), patience)),
    }
}

fn not_so(expression: &Expression, state: State, patience: Duration) -> Refusal {
    let standing = words::standing(&state);
    let strangers = words::strangers(expression, &state);
    let strangers = strangers.map(|words| format!(" ({words})")).unwrap_or_default();
    let seconds = patience.as_secs_f64();
    let error =
        format!("`{expression}` has not become so within {seconds:.1} s: {standing}{strangers}");
    Refusal(StatusCode::CONFLICT, Box::new(Refused { error, state: Some(state) }))
}

async fn release(Shared(service): Shared<Service>, request: Request) -> Answered<Released> {
    let ReleaseRequest { name, names, all, together } = asked(&service, request).await?;
    let only = match (name, names, all) {
        (Some(name), None, false) => Some(vec![name]),
        (None, Some(names), false) if !names.is_empty() => Some(names),
        (None, None, true) => None,
        _ => return Err(Refusal::bad("say who: a `name`, `names`, or `all`")),
    };
    let mut only: Option<Vec<SessionName>> =
        only.map(|names| names.iter().map(|name| name_of(name)).collect());
    if let Some(names) = &mut only {
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
    }
    if together {
        return release_together(service.debugger, only).await;
    }
    let released = only.clone().unwrap_or_else(|| held(&service.debugger));
    service.debugger.obey(only.map_or(Order::LetAllGo, Order::LetTheseGo))?;
    let released = released.iter().map(ToString::to_string).collect();
    Ok(Json(Released { released, ..Released::default() }))
}

/// Whose statements are held.
fn held(debugger: &Debugger) -> Vec<SessionName> {
    let held = debugger.state().transactions.into_iter().filter(|it| it.held.is_some());
    held.map(|it| SessionName::new(&it.name)).collect()
}

async fn release_together(
    debugger: Arc<Debugger>,
    only: Option<Vec<SessionName>>,
) -> Answered<Released> {
    if !debugger.has_gate() {
        return Err(OrderError::NoGate.into());
    }
    let held = held(&debugger);
    let wanted = only.unwrap_or_else(|| held.clone());
    match wanted.iter().find(|name| !held.contains(name)) {
        Some(name) => return Err(OrderError::NotHeld(name.clone()).into()),
        None if wanted.is_empty() => return Err(OrderError::NothingHeld.into()),
        None => {}
    }
    let before = debugger.state();
    let names = wanted.iter().map(ToString::to_string).collect();
    // Whoever has asked may hang up meanwhile: those at the gate are not to be left in it.
    let releasing =
        tokio::spawn(async move { debugger.let_go_together(Some(&wanted), Opening::AtOnce).await });
    let failed = |error: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error);
    let met = releasing.await.map_err(|error| failed(error.to_string()))?;
    let met = met.map_err(|error| failed(with_causes(&error)))?;
    Ok(Json(Released { released: names, met: names_of(&met, &before) }))
}

fn names_of(met: &Met, state: &State) -> Vec<String> {
    let is_inside = |pid: i32| met.inside.iter().any(|it| it.0 == pid);
    let inside = state.transactions.iter().filter(|it| is_inside(it.pid));
    inside.map(|it| it.name.clone()).collect()
}

async fn answer(Shared(service): Shared<Service>, request: Request) -> Answered<Standing> {
    let AnswerRequest { name, answer } = asked(&service, request).await?;
    let Some(answer) = Answer::named(&answer) else {
        let all = Answer::ALL.map(Answer::name).join(", ");
        return Err(Refusal::bad(format!("there is no answer `{answer}`; it is one of {all}")));
    };
    obey(&service, Order::Answer(name_of(&name), answer))
}

async fn hold(Shared(service): Shared<Service>, request: Request) -> Answered<Standing> {
    let HoldRequest { mode } = asked(&service, request).await?;
    let mode: HoldMode = mode.parse().map_err(Refusal::bad)?;
    obey(&service, Order::Hold(mode))
}

async fn breakpoints(Shared(service): Shared<Service>, request: Request) -> Answered<Standing> {
    let BreakpointsRequest { breakpoints } = asked(&service, request).await?;
    let breakpoints: Result<Vec<Breakpoint>, _> = breakpoints.iter().map(|it| it.parse()).collect();
    obey(&service, Order::Break(breakpoints.map_err(Refusal::bad)?))
}

fn obey(service: &Service, order: Order) -> Answered<Standing> {
    service.debugger.obey(order)?;
    Ok(Json(Standing { state: service.debugger.state() }))
}
