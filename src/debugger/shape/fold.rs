//! Makes what a program varies from call to call one: values, the length of lists, numbered names.

use std::collections::HashSet;

use super::pieces::{Piece, PieceKind};

/// Whether a word is a value, where it stands for one.
pub(super) fn is_value(word: &str) -> bool {
    ["null", "true", "false"].contains(&word)
}

/// The pieces with their values, names and lists folded.
pub(super) fn folded(mut pieces: Vec<Piece>) -> Vec<Piece> {
    fold_words(&mut pieces);
    fold_names(&mut pieces);
    fold_lists(fold_signs(pieces))
}

/// `= null` is a value, and `is not null` a question.
fn fold_words(pieces: &mut [Piece]) {
    for at in 0..pieces.len() {
        let belongs = |word: &Piece| {
            ["is", "not", "set", "nulls", "default"].iter().any(|keyword| word.text == *keyword)
                || word.is_sign(".")
        };
        let is_bare = pieces[at].kind != PieceKind::Value && is_value(&pieces[at].text);
        if is_bare && !at.checked_sub(1).is_some_and(|before| belongs(&pieces[before])) {
            pieces[at] = Piece::value();
        }
    }
}

/// The sign of a number is part of it.
fn fold_signs(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut folded: Vec<Piece> = Vec::new();
    for piece in pieces {
        if piece.kind == PieceKind::Value {
            while ends_in_sign(&folded) {
                folded.pop();
            }
        }
        folded.push(piece);
    }
    folded
}

/// Whether the last piece is the sign of what follows it, and no subtraction.
fn ends_in_sign(pieces: &[Piece]) -> bool {
    let [before @ .., last] = pieces else { return false };
    let is_sign = last.is_sign("-") || last.is_sign("+");
    is_sign
        && before.last().is_none_or(|before| match before.kind {
            PieceKind::Keyword => true,
            PieceKind::Name | PieceKind::Value => false,
            PieceKind::Sign => !["(", ")", "]"][1..].contains(&&*before.text),
        })
}

/// The names of savepoints, cursors and prepared statements, which drivers number.
fn fold_names(pieces: &mut [Piece]) {
    let mut begins = true;
    for at in 0..pieces.len() {
        if begins && let Some(name) = numbered_name(&pieces[at..]) {
            pieces[at + name] = Piece::value();
        }
        begins = pieces[at].is_sign(";");
    }
}

/// Where in a statement the name stands that a driver may have numbered.
fn numbered_name(statement: &[Piece]) -> Option<usize> {
    let first = statement.first()?.text.as_str();
    let after = |keywords: &[&str]| {
        let place = statement.iter().position(|piece| keywords.contains(&&*piece.text))?;
        Some(place + 1)
    };
    let place = match first {
        "savepoint" | "declare" | "close" => 1,
        "release" | "deallocate" => {
            let has_noun =
                statement.len() > 2 && ["savepoint", "prepare"].contains(&&*statement[1].text);
            1 + usize::from(has_noun)
        }
        "rollback" | "abort" => {
            let place = after(&["to"])?;
            place
                + usize::from(
                    statement.get(place)?.text == "savepoint" && statement.len() > place + 1,
                )
        }
        "fetch" | "move" => after(&["from", "in"]).unwrap_or(statement.len().min(2) - 1).max(1),
        _ => return None,
    };
    let name = statement.get(place)?;
    // `close all`, and what is a mistake, have a keyword there.
    matches!(name.kind, PieceKind::Name | PieceKind::Value).then_some(place)
}

/// A list in which a program may repeat itself.
struct List {
    kind: ListKind,
    /// Where its item begins.
    item: usize,
    items: HashSet<Vec<Piece>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListKind {
    /// Between parentheses or brackets, where it is folded or not.
    Enclosed { folds: bool },
    /// The rows behind VALUES.
    Rows,
}

/// Leaves out what a list has already.
fn fold_lists(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut folder = Folder { folded: Vec::new(), lists: Vec::new() };
    for piece in pieces {
        folder.take(piece);
    }
    folder.end_rows();
    folder.folded
}

struct Folder {
    folded: Vec<Piece>,
    lists: Vec<List>,
}

impl Folder {
    fn take(&mut self, piece: Piece) {
        match piece.text.as_str() {
            _ if piece.kind != PieceKind::Sign => self.take_word(piece),
            "(" | "[" => self.open(piece),
            ")" | "]" => self.close(piece),
            "," => {
                self.end_item();
                self.folded.push(piece);
                let next = self.folded.len();
                if let Some(list) = self.lists.last_mut() {
                    list.item = next;
                }
            }
            _ => {
                self.end_rows();
                self.folded.push(piece);
            }
        }
    }

    fn take_word(&mut self, piece: Piece) {
        self.end_rows();
        let is_query = ["select", "with", "values", "table"].iter().any(|word| piece.is(word));
        // The commas of a query in parentheses are its own.
        if is_query
            && let Some(list) = self.lists.last_mut()
            && list.item == self.folded.len()
        {
            list.kind = ListKind::Enclosed { folds: false };
        }
        let begins_rows = piece.is("values");
        self.folded.push(piece);
        if begins_rows {
            self.begin(ListKind::Rows);
        }
    }

    fn begin(&mut self, kind: ListKind) {
        let item = self.folded.len();
        self.lists.push(List { kind, item, items: HashSet::new() });
    }

    fn open(&mut self, piece: Piece) {
        let before = self.folded.last();
        let is_array = before.is_some_and(|before| before.text == "array");
        let is_nested = piece.text == "["
            && before.is_some_and(|before| before.is_sign("[") || before.is_sign(","));
        let folds = match piece.text.as_str() {
            "[" => is_array || is_nested,
            _ => before.is_some_and(|before| before.is("in")),
        };
        self.folded.push(piece);
        self.begin(ListKind::Enclosed { folds });
    }

    fn close(&mut self, piece: Piece) {
        // Rows of which the parenthesis closes that the VALUES stands in.
        if self.lists.last().is_some_and(|list| list.kind == ListKind::Rows) {
            self.end_rows();
        }
        self.end_item();
        self.lists.pop();
        self.folded.push(piece);
    }

    /// An item of the innermost list is over: it goes if the list has one like it.
    fn end_item(&mut self) {
        let Some(list) = self.lists.last_mut() else { return };
        if list.kind == (ListKind::Enclosed { folds: false }) {
            return;
        }
        let item = self.folded[list.item..].to_vec();
        if list.items.contains(&item) {
            // With the comma before it.
            self.folded.truncate(list.item.saturating_sub(1));
        } else {
            list.items.insert(item);
        }
    }

    /// The rows of a VALUES end where something follows that is neither a row nor a comma.
    fn end_rows(&mut self) {
        while self.lists.last().is_some_and(|list| list.kind == ListKind::Rows) {
            self.end_item();
            self.lists.pop();
        }
    }
}
