//! The run's schema is called differently each time, which would make no two transcripts alike.
//! What the server says of it is told under the part of its name that stays the same; rows are the
//! user's data, and keep what `current_schema()` gives.
//!
//! ```text
//! FROM ONLY "overbooked_run_5c1f09aa"."p" x   ──▶   FROM ONLY "overbooked_run"."p" x
//! ```

use super::SCHEMA_PREFIX;
use crate::core::event::{Kind, ServerMessage, WaitTarget};

/// The field that counts where in the internal query an error is, and that query's own (PostgreSQL
/// documentation, 54.8).
const INTERNAL_POSITION: char = 'p';
const INTERNAL_QUERY: char = 'q';

/// Renames the schema, where the run has one, in what the server says.
pub(crate) fn tell(kind: &mut Kind, schema: Option<&str>) {
    let Some(schema) = schema else { return };
    match kind {
        Kind::Failed(message) | Kind::Notice(message) => rename_in(message, schema),
        Kind::Parameter { value: text, .. }
        | Kind::Lost { reason: text, .. }
        | Kind::Note(text) => {
            rename(text, schema);
        }
        Kind::Waiting(wait) => rename_target(&mut wait.target, schema),
        _ => {}
    }
}

fn rename_target(target: &mut WaitTarget, schema: &str) {
    match target {
        WaitTarget::Row { table, .. }
        | WaitTarget::Key { table, .. }
        | WaitTarget::Table { table, .. } => {
            rename(table, schema);
        }
        WaitTarget::Other(words) => rename(words, schema),
        WaitTarget::Transaction | WaitTarget::Advisory { .. } | WaitTarget::SafeSnapshot => {}
    }
}

fn rename_in(message: &mut ServerMessage, schema: &str) {
    // First, while the query still has the schema under its own name: the position is moved by how
    // often that stands in front of it.
    move_internal_position(message, schema);
    let ServerMessage { message: primary, detail, hint, context, more, .. } = message;
    let texts = [detail, hint, context].into_iter().flatten();
    for text in texts.chain([primary]).chain(more.iter_mut().map(|(_, text)| text)) {
        rename(text, schema);
    }
}

fn rename(text: &mut String, schema: &str) {
    if text.contains(schema) {
        *text = text.replace(schema, SCHEMA_PREFIX);
    }
}

/// The position counts characters of the query as the server wrote it.
fn move_internal_position(message: &mut ServerMessage, schema: &str) {
    let field = |letter| message.more.iter().find(|(known, _)| *known == letter);
    let (Some((_, position)), Some((_, query))) = (field(INTERNAL_POSITION), field(INTERNAL_QUERY))
    else {
        return;
    };
    // The other position, in the statement that was sent, stays: that text is told as it was sent.
    let Ok(position) = position.parse::<usize>() else { return };
    let before: String = query.chars().take(position.saturating_sub(1)).collect();
    let shorter = schema.chars().count().saturating_sub(SCHEMA_PREFIX.chars().count());
    let moved = position - before.matches(schema).count() * shorter;
    for (_, text) in message.more.iter_mut().filter(|(known, _)| *known == INTERNAL_POSITION) {
        *text = moved.to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Certainty, Wait};

    const SCHEMA: &str = "overbooked_run_5c1f09aa";

    #[test]
    fn every_field_of_a_message_tells_the_schema_under_one_name() {
        let text = || format!("relation \"{SCHEMA}.p\"");
        let mut kind = Kind::Failed(ServerMessage {
            message: text(),
            detail: Some(text()),
            hint: Some(text()),
            context: Some(text()),
            more: vec![('s', SCHEMA.to_owned())],
            ..ServerMessage::default()
        });
        tell(&mut kind, Some(SCHEMA));
        let told = serde_json::to_string(&kind).unwrap();
        assert_eq!(told.matches("overbooked_run").count(), 5, "{told}");
        assert!(!told.contains("5c1f09aa"), "{told}");
    }

    #[test]
    fn a_position_in_an_internal_query_still_points_at_the_same_place() {
        let query = format!("select * from {SCHEMA}.p where nothing");
        let at = query.find("nothing").unwrap() + 1;
        let mut message = ServerMessage {
            more: vec![('p', at.to_string()), ('q', query)],
            ..ServerMessage::default()
        };
        rename_in(&mut message, SCHEMA);
        let (position, query) = (message.more[0].1.parse::<usize>().unwrap(), &message.more[1].1);
        assert_eq!(&query[position - 1..], "nothing");
    }

    #[test]
    fn a_wait_for_the_schema_itself_is_told_under_the_same_name() {
        let target = WaitTarget::Other(format!("schema {SCHEMA}"));
        let (blockers, certainty) = (Vec::new(), Certainty::Observed);
        let mut kind = Kind::Waiting(Wait { blockers, target, certainty });
        tell(&mut kind, Some(SCHEMA));
        let Kind::Waiting(wait) = kind else { unreachable!("it was a wait") };
        assert_eq!(wait.target, WaitTarget::Other("schema overbooked_run".to_owned()));
    }

    #[test]
    fn rows_are_data_and_stay() {
        let rows = Kind::Rows(vec![vec![Some(SCHEMA.to_owned())]]);
        let mut told = rows.clone();
        tell(&mut told, Some(SCHEMA));
        assert_eq!(told, rows);
    }
}
