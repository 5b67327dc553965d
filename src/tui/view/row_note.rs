//! A note on a row: a sign and a name, the way the seat map and the tables say who holds,
//! changes, awaits it.
//!
//! ```text
//! ◐ Alice         a row lock                ●+ Bob      an uncommitted new row
//! ● Bob           an uncommitted change     ●× Bob      an uncommitted delete
//! ● Bob→·         ... that frees the seat   ●? Bob      a lock or a change, the server cannot tell
//! ◐ Alice or Bob  one of them               ⏳ Mallory   waits
//! ```

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::Span;

use crate::core::event::SessionName;
use crate::core::seats::{Hold, HoldKind, Holder, RowWaiter};
use crate::stage::text;
use crate::stage::watched::Marks;
use crate::tui::theme::{Role, Signs, Theme};

/// What a drawing of the tables needs beside them: who plays, how things look, what is lit at
/// this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    /// Colours and signs.
    pub(super) theme: &'a Theme,
    /// The sessions in screen order; they give the accents.
    pub(super) cast: &'a [SessionName],
    /// Which rows are marked at this moment.
    pub(super) marks: Marks<'a>,
    /// How much is drawn around the tables.
    pub(super) trim: Trim,
}

/// What stands around a drawing of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trim {
    /// A border, the screen's caption, a legend; seats as boxes.
    Roomy,
    /// A border, the screen's caption, a legend.
    Framed,
    /// Nothing: half a screen has room for the seats alone.
    Bare,
}

impl<'a> Scene<'a> {
    pub(super) fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    pub(super) fn signs(&self) -> &'static Signs {
        self.theme.signs()
    }

    pub(super) fn span(&self, text: impl Into<Cow<'a, str>>, role: Role) -> Span<'a> {
        Span::styled(text, self.style(role))
    }

    fn accent(&self, holder: &Holder) -> Style {
        match holder {
            Holder::Session(name) => self.theme.accent_of(name, self.cast),
            Holder::OneOf(_) | Holder::Prepared | Holder::Foreign(_) => self.style(Role::Strong),
        }
    }
}

/// A sign and a text, each with its look.
#[derive(Clone, Debug)]
pub(super) struct RowNote<'a> {
    sign: Cow<'static, str>,
    sign_style: Style,
    text: Cow<'a, str>,
    text_style: Style,
}

impl<'a> RowNote<'a> {
    pub(super) fn sign(sign: &'static str, role: Role, scene: &Scene<'_>) -> Self {
        Self::new(sign.into(), role, "".into(), Style::new(), scene)
    }

    pub(super) fn text(text: Cow<'a, str>, style: Style) -> Self {
        Self { sign: "".into(), sign_style: Style::new(), text, text_style: style }
    }

    pub(super) fn hold(hold: &'a Hold, scene: &Scene<'_>) -> Self {
        let (sign, role) = hold_sign(hold.kind, scene.signs());
        let becomes = becomes(hold, scene.signs());
        let text = match becomes {
            Some(becomes) => Cow::Owned(holder_text(&hold.holder).into_owned() + &becomes),
            None => holder_text(&hold.holder),
        };
        Self::new(sign, role, text, scene.accent(&hold.holder), scene)
    }

    pub(super) fn waiter(waiter: &'a RowWaiter, scene: &Scene<'_>) -> Self {
        let text = holder_text(&waiter.who);
        let accent = scene.accent(&waiter.who);
        Self::new(scene.signs().waiting.into(), Role::Waiting, text, accent, scene)
    }

    /// The same with the lock's mode in SQL's words: `Alice for share`.
    pub(super) fn hold_with_mode(hold: &'a Hold, scene: &Scene<'_>) -> Self {
        Self::hold(hold, scene).followed_by(mode(hold.kind))
    }

    /// The same with what is waited for.
    pub(super) fn waiter_with_mode(waiter: &'a RowWaiter, scene: &Scene<'_>) -> Self {
        Self::waiter(waiter, scene).followed_by(&text::visible(&waiter.wants))
    }

    fn followed_by(mut self, mode: &str) -> Self {
        if !mode.is_empty() {
            self.text = format!("{} for {mode}", self.text).into();
        }
        self
    }

    /// As many more waiters as there is no room for.
    pub(super) fn more_waiters(count: usize, scene: &Scene<'_>) -> Self {
        let text = format!("+{count}").into();
        Self::new(scene.signs().waiting.into(), Role::Waiting, text, Style::new(), scene)
    }

    /// As many more holders as there is no room for.
    pub(super) fn more_holders(count: usize, scene: &Scene<'_>) -> Self {
        Self::text(format!("+{count}").into(), scene.style(Role::Dim))
    }

    fn new(
        sign: Cow<'static, str>,
        role: Role,
        text: Cow<'a, str>,
        text_style: Style,
        scene: &Scene<'_>,
    ) -> Self {
        Self { sign, sign_style: scene.style(role), text, text_style }
    }

    pub(super) fn width(&self) -> usize {
        let gap = usize::from(!self.sign.is_empty() && !self.text.is_empty());
        text::width(&self.sign) + gap + text::width(&self.text)
    }

    /// The note in exactly this many cells, lit or not.
    pub(super) fn spans(self, cells: usize, over: Style, ellipsis: &str) -> Vec<Span<'a>> {
        let lead = match (self.sign.is_empty(), self.text.is_empty()) {
            (true, _) => String::new(),
            (false, true) => self.sign.into_owned(),
            (false, false) => format!("{} ", self.sign),
        };
        let lead = text::fit(&lead, cells, "").into_owned();
        let shown = text::fit(&self.text, cells - text::width(&lead), ellipsis).into_owned();
        let blank = cells - text::width(&lead) - text::width(&shown);
        let mut spans = vec![
            Span::styled(lead, self.sign_style.patch(over)),
            Span::styled(shown, self.text_style.patch(over)),
            Span::raw(" ".repeat(blank)),
        ];
        spans.retain(|span| !span.content.is_empty());
        spans
    }
}

/// The sign of a hold, and the role that colours it.
pub(super) fn hold_sign(kind: HoldKind, signs: &Signs) -> (Cow<'static, str>, Role) {
    let changed = |mark: &str| Cow::Owned(format!("{}{mark}", signs.uncommitted));
    match kind {
        HoldKind::Write => (signs.uncommitted.into(), Role::Uncommitted),
        HoldKind::Insert => (changed(signs.new), Role::Uncommitted),
        HoldKind::Delete => (changed(signs.gone), Role::Uncommitted),
        HoldKind::LockOrWrite => (changed(signs.unsure), Role::Uncommitted),
        HoldKind::KeyShare
        | HoldKind::Share
        | HoldKind::NoKeyUpdate
        | HoldKind::Update
        | HoldKind::Lock => (signs.locked.into(), Role::Locked),
    }
}

fn mode(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::KeyShare => "key share",
        HoldKind::Share => "share",
        HoldKind::NoKeyUpdate => "no key update",
        HoldKind::Update => "update",
        HoldKind::Lock
        | HoldKind::Write
        | HoldKind::Delete
        | HoldKind::Insert
        | HoldKind::LockOrWrite => "",
    }
}

/// The holder by name.
pub(super) fn holder_text(holder: &Holder) -> Cow<'_, str> {
    match holder {
        Holder::Session(name) => text::visible(name.as_str()),
        Holder::OneOf(names) => {
            let names: Vec<_> = names.iter().map(|name| text::visible(name.as_str())).collect();
            names.join(" or ").into()
        }
        Holder::Prepared => "prepared".into(),
        Holder::Foreign(name) => text::visible(name),
    }
}

/// What the change makes of the seat, unless it simply books it for the one who holds it.
fn becomes(hold: &Hold, signs: &Signs) -> Option<String> {
    let value = hold.becomes.as_ref().filter(|_| hold.kind.is_change())?;
    match (value, &hold.holder) {
        (Some(name), Holder::Session(holder)) if name == holder.as_str() => None,
        (Some(name), _) => Some(format!("{}{}", signs.becomes, text::visible(name))),
        (None, _) if hold.kind == HoldKind::Delete => None,
        (None, _) => Some(format!("{}{}", signs.becomes, signs.free)),
    }
}
