//! How the tables for tests are looked at.

use std::sync::LazyLock;

use crate::core::event::SessionName;
pub(crate) use crate::stage::watched::sample::*;
use crate::tui::theme::Theme;
use crate::tui::view::row_note::{Scene, Trim};

pub(crate) static THEME: LazyLock<Theme> = LazyLock::new(Theme::default);
pub(crate) static CAST: LazyLock<Vec<SessionName>> =
    LazyLock::new(|| ["Alice", "Bob", "Mallory"].map(SessionName::new).to_vec());

pub(crate) fn scene() -> Scene<'static> {
    scene_in(&THEME)
}

pub(crate) fn scene_in(theme: &Theme) -> Scene<'_> {
    Scene { theme, cast: &CAST, marks: unmarked(), trim: Trim::Framed }
}
