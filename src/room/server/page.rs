//! The page: three texts in the program, and nothing that is filled in.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const HTML: &str = include_str!("../page/room.html");
const CSS: &str = include_str!("../page/room.css");
const JS: &str = include_str!("../page/room.js");

pub(super) async fn html() -> Response {
    text("text/html; charset=utf-8", HTML)
}

pub(super) async fn css() -> Response {
    text("text/css; charset=utf-8", CSS)
}

pub(super) async fn js() -> Response {
    text("text/javascript; charset=utf-8", JS)
}

fn text(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::HTML;
    use crate::room::{name, typed};

    #[test]
    fn its_fields_take_as_much_as_the_room_does() {
        for longest in [name::LONGEST, typed::LONGEST] {
            assert!(HTML.contains(&format!("maxlength=\"{longest}\"")), "{longest}");
        }
    }
}
