//! A statement as the pieces of its shape: words in one case, operators whole, `?` for values.

use super::is_plain_name;
use crate::core::syntax::{self, Strings, Token, TokenKind};

/// A word, a sign or a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Piece {
    pub(super) kind: PieceKind,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PieceKind {
    /// A word of SQL's grammar.
    Keyword,
    Name,
    /// What stands for a value.
    Value,
    /// Punctuation or an operator.
    Sign,
}

impl Piece {
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.kind == PieceKind::Keyword && self.text == keyword
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == PieceKind::Sign && self.text == sign
    }

    pub(super) fn value() -> Self {
        Self { kind: PieceKind::Value, text: "?".to_owned() }
    }

    fn sign(text: &str) -> Self {
        Self { kind: PieceKind::Sign, text: text.to_owned() }
    }

    fn word(text: &str) -> Self {
        // As PostgreSQL folds names: ASCII alone.
        let text = text.to_ascii_lowercase();
        let kind = if syntax::is_keyword(&text) { PieceKind::Keyword } else { PieceKind::Name };
        Self { kind, text }
    }

    fn quoted(text: &str) -> Self {
        // It may have anything in it; a shape is a line.
        let text = text.replace(char::is_control, "\u{fffd}");
        let is_closed = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
        let name = if is_closed { syntax::identifier(&text) } else { String::new() };
        let text = if is_plain_name(&name) { name } else { text };
        Self { kind: PieceKind::Name, text }
    }
}

/// The pieces of a statement, without its last `;`.
pub(super) fn pieces(sql: &str, strings: Strings) -> Vec<Piece> {
    let tokens = syntax::tokens(sql, strings);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut ends_in_text = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let text = &sql[token.range.clone()];
        at += 1;
        match token.kind {
            TokenKind::Blank | TokenKind::Comment => continue,
            TokenKind::Word => pieces.push(Piece::word(text)),
            TokenKind::QuotedName => pieces.push(Piece::quoted(text)),
            // The next line's part of a string belongs to it.
            TokenKind::Text if ends_in_text => {}
            TokenKind::Text | TokenKind::DollarText | TokenKind::Number | TokenKind::Parameter => {
                pieces.push(Piece::value());
            }
            TokenKind::Sign => {
                let signs = operator(sql, &tokens[at - 1..]);
                at += signs - 1;
                let range = token.range.start..tokens[at - 1].range.end;
                pieces.push(signed(&sql[range]));
            }
        }
        ends_in_text = token.kind == TokenKind::Text;
    }
    while pieces.last().is_some_and(|last| last.is_sign(";")) {
        pieces.pop();
    }
    pieces
}

fn signed(text: &str) -> Piece {
    if text == "?" { Piece::value() } else { Piece::sign(text) }
}

/// How many of the tokens, of which the first is a sign, are one operator.
fn operator(sql: &str, tokens: &[Token]) -> usize {
    let signs = signs(sql, tokens);
    match *signs.as_bytes() {
        [b':', b':' | b'=', ..] => 2,
        // An operator of JSON, `a ?| b`; a `?` by itself is a value's place in a shape that
        // somebody has written: `id=?`, `?||?`.
        [b'?', one @ (b'|' | b'&'), ..] if signs.as_bytes().get(2) != Some(&one) => 2,
        [b'?', ..] => 1,
        [first, ..] if is_of_operators(first) => length(&signs),
        _ => 1,
    }
}

/// The signs that stand side by side from here on.
fn signs(sql: &str, tokens: &[Token]) -> String {
    let signs = tokens.iter().take_while(|token| token.kind == TokenKind::Sign);
    // No operator that means anything is longer.
    signs.take(8).map(|token| &sql[token.range.clone()]).collect()
}

/// Where an operator ends (PostgreSQL documentation, 4.1.3): one that ends in + or - must have one
/// of the rarer signs in it.
fn length(signs: &str) -> usize {
    let at_a_value = signs.find('?').filter(|at| *at > 0 && !signs.starts_with("@?"));
    let run = signs.bytes().take_while(|sign| is_of_operators(*sign)).count();
    let run = at_a_value.map_or(run, |at| run.min(at));
    let operator = &signs[..run];
    if operator.bytes().any(|sign| b"~!@#%^&|`".contains(&sign)) {
        return run;
    }
    operator.trim_end_matches(['+', '-']).len().max(1)
}

fn is_of_operators(sign: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&sign)
}
