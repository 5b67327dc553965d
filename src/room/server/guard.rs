//! Who is let in, and what is believed to come from the page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::room::address::is_host_of;
use crate::room::shared::Shared;
use crate::room::token::{Part, Visitor};

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Somebody who has come by an address with a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) visitor: Visitor,
    pub(super) part: Part,
}

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets requests pass that mean this room, and come from its page where they change something.
pub(super) async fn own(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let host = text(headers, &header::HOST);
    let Some(host) = host.filter(|host| is_host_of(shared.bound, host)) else {
        return refuse("this host is none of the room's");
    };
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_reading && !comes_from(headers, host) {
        return refuse("this does not come from the room's page");
    }
    next.run(request).await
}

/// Whether the page of this host has sent it.
fn comes_from(headers: &HeaderMap, host: &str) -> bool {
    let origin = text(headers, &header::ORIGIN).and_then(|it| it.strip_prefix("http://"));
    let site = text(headers, &SITE).unwrap_or("same-origin");
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    // A form of another site can send no JSON without being asked first.
    origin == Some(host) && site == "same-origin" && kind == "application/json"
}

/// Lets those pass who have a cookie of ours.
pub(super) async fn known(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(known) = by_cookie(&shared, request.headers()) else {
        return refuse(
            "open the address on the projector, or scan its code: this one has no token, or that \
             of a room that was closed",
        );
    };
    shared.note_reached();
    request.extensions_mut().insert(known);
    next.run(request).await
}

/// Who the cookie says it is.
pub(super) fn by_cookie(shared: &Shared, headers: &HeaderMap) -> Option<Known> {
    let name = shared.cookie_name();
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut values = cookies
        .flat_map(|line| line.split("; "))
        .filter_map(|pair| pair.split_once('='))
        .filter(|(named, _)| *named == name);
    values.find_map(|(_, value)| {
        let (visitor, part) = shared.keys.visitor(value)?;
        Some(Known { visitor, part: shared.part_now(part) })
    })
}

/// Lets the teacher's remote pass alone.
pub(super) async fn teacher(
    Extension(known): Extension<Known>,
    request: Request,
    next: Next,
) -> Response {
    match known.part {
        Part::Teacher(_) => next.run(request).await,
        Part::Guest => refuse("this is for the teacher's remote"),
    }
}

pub(super) fn refuse(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
