//! What the catalog says of relations.

use std::collections::HashMap;
use std::sync::Arc;

use crate::core::sql;
use crate::gateway::backend::{Answer, AnswerRow, BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::transaction::pair::array;
use crate::gateway::transaction::shape::Shape;

/// What changes with the definition of each relation.
pub(crate) type Marks = HashMap<u32, String>;

/// Asks what changes with the definitions of these relations.
pub(super) fn marks_question(relations: &[u32]) -> Question {
    let list: Vec<_> = relations.iter().map(u32::to_string).collect();
    Question::prepared(sql::optimistic::MARKS).with(array(list.iter().map(String::as_str)))
}

/// What was answered.
pub(crate) fn marks_in(answer: &Answer) -> Marks {
    let mark = |row: &AnswerRow| match row.as_slice() {
        [Some(relation), Some(mark)] => Some((relation.parse().ok()?, mark.clone())),
        _ => None,
    };
    answer.rows.iter().filter_map(mark).collect()
}

/// The shapes of these relations, by number.
pub(super) async fn ask_shapes(
    backend: &mut impl Questions,
    relations: &[u32],
) -> Result<HashMap<u32, Arc<Shape>>, BackendError> {
    if relations.is_empty() {
        return Ok(HashMap::new());
    }
    let list: Vec<_> = relations.iter().map(u32::to_string).collect();
    let question =
        Question::prepared(sql::optimistic::SHAPE).with(array(list.iter().map(String::as_str)));
    let answer = backend.ask(question).await.map_err(BackendError::of_changed_schema)?;
    let mut shapes = HashMap::new();
    for row in answer.rows {
        let text = row.into_iter().flatten().next().unwrap_or_default();
        let shape: Shape = serde_json::from_str(&text)
            .map_err(|error| Refusal::protocol(format!("the catalog makes no sense: {error}")))?;
        shapes.insert(shape.oid, Arc::new(shape));
    }
    Ok(shapes)
}
