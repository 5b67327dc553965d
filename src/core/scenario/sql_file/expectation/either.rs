//! `either: this and that | or: something else`.

use super::super::super::{Expected, Mistake};
use super::cells::outside_quotes;
use super::{ExpectationContext, Part};

impl ExpectationContext<'_> {
    /// What stands behind `either:`.
    pub(super) fn either(&self, part: Part) -> Result<Expected, Mistake> {
        let pieces = part.split(&outside_quotes(part.text, "| or:"));
        if pieces.len() < 2 || pieces.iter().any(|piece| piece.text.is_empty()) {
            let mistake = self.source.mistake(part.at, "an `either:` needs at least two sides");
            return Err(mistake.with_hint("write `either: UPDATE 1 | or: ERROR 40P01`"));
        }
        let alternatives = pieces.into_iter().map(|piece| self.lines(piece));
        Ok(Expected::Either(alternatives.collect::<Result<_, _>>()?))
    }

    fn lines(&self, part: Part) -> Result<Vec<Expected>, Mistake> {
        let pieces = part.split(&outside_quotes(part.text, " and "));
        pieces
            .into_iter()
            .map(|piece| match self.of_another(piece)? {
                Some(expected) => Ok(expected),
                None => self.simple(piece),
            })
            .collect()
    }
}
