//! Which stored rows a statement needs, as a condition that the gateway asks by.

use std::ops::Range;

use crate::core::syntax::quote;
use crate::gateway::backend::BoundValues;
use crate::gateway::statement::{Arrivals, Expression, Statement};
use crate::gateway::transaction::shape::Shape;

/// A condition for rows as the gateway asks for them, its parameters numbered anew.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) is_plain: bool,
    /// Which of the client's parameters are in it, in order.
    pub(super) parameters: Vec<usize>,
    /// The values of the parameters behind those, which are constants in the client's text.
    pub(super) constants: BoundValues,
    /// Whether no setting has a part in it, as long as none has in the parameters.
    pub(super) is_fixed: bool,
}

impl Condition {
    /// The statement's own.
    pub(super) fn of(statement: &Statement, expression: &Expression) -> Self {
        let mut parameters = Vec::new();
        let mut places = places_of(expression, &mut parameters);
        let mut constants = BoundValues::default();
        for constant in &expression.constants {
            constants.push(constant.type_oid, &constant.value);
            places.push((parameters.len() + constants.values.len(), &constant.span));
        }
        let sql = numbered(statement, expression, places);
        Self {
            sql,
            is_plain: expression.is_plain,
            parameters,
            constants,
            is_fixed: expression.is_fixed,
        }
    }

    /// For the stored rows that these may hit.
    pub(super) fn among(statement: &Statement, shape: &Shape, arrivals: &Arrivals) -> Self {
        let mut parameters = Vec::new();
        let rows = conditions(shape, arrivals).unwrap_or_default().into_iter().map(|row| {
            let pieces = row.into_iter().map(|(column, kind, value)| {
                let places = places_of(value, &mut parameters);
                let value = numbered(statement, value, places);
                format!("{} = ({value})::{kind}", quote(column))
            });
            pieces.collect::<Vec<_>>().join(" and ")
        });
        let sql = rows.collect::<Vec<_>>().join(" or ");
        let sql = if sql.is_empty() { "false".to_owned() } else { sql };
        // Of the rows nothing is computed.
        let constants = BoundValues::default();
        Self { sql, is_plain: true, parameters, constants, is_fixed: false }
    }
}

/// A parameter's number, and where in the client's text it comes to stand.
type Place<'a> = (usize, &'a Range<usize>);

/// Where an expression's own parameters stand, numbered as they are added to these.
fn places_of<'a>(expression: &'a Expression, parameters: &mut Vec<usize>) -> Vec<Place<'a>> {
    let place = |(number, span): &'a (usize, Range<usize>)| {
        let known = parameters.iter().position(|known| known == number);
        let place = known.unwrap_or_else(|| {
            parameters.push(*number);
            parameters.len() - 1
        });
        (place + 1, span)
    };
    expression.parameters.iter().map(place).collect()
}

/// An expression with parameters in these places.
fn numbered(statement: &Statement, expression: &Expression, mut places: Vec<Place<'_>>) -> String {
    places.sort_by_key(|(_, span)| span.start);
    let mut sql = String::new();
    let mut at = expression.span.start;
    for (number, span) in places {
        sql += &statement.sql[at..span.start];
        // Between spaces: a string needs none beside it, and a parameter does.
        sql += " $";
        sql += &number.to_string();
        sql += " ";
        at = span.end;
    }
    sql + &statement.sql[at..expression.span.end]
}

/// A stored row's column, its type, and the value with which it is hit.
type Hit<'a> = (&'a str, &'a str, &'a Expression);

/// By what each new row may hit a stored one; nothing where that cannot be told from the statement.
pub(super) fn conditions<'a>(
    shape: &'a Shape,
    arrivals: &'a Arrivals,
) -> Option<Vec<Vec<Hit<'a>>>> {
    let listed = arrivals
        .columns
        .clone()
        .unwrap_or_else(|| shape.columns.iter().map(|column| column.name.clone()).collect());
    let aims_at = |key: &&[String]| {
        let mut aimed = arrivals.arbiter.iter();
        aimed.all(|arbiter| arbiter.len() == key.len() && key.iter().all(|it| arbiter.contains(it)))
    };
    let keys: Vec<&[String]> = shape.unique_keys().filter(aims_at).collect();
    let mut all = Vec::new();
    for row in &arrivals.rows {
        for key in &keys {
            let mut hits = Vec::new();
            let mut is_null = false;
            for column in *key {
                let (kind, has_value) = shape.given(column)?;
                let place = listed.iter().position(|it| it == column);
                let value = place.and_then(|place| row.get(place)).and_then(Option::as_ref);
                match value {
                    Some(value) => hits.push((column.as_str(), kind, value)),
                    None if has_value => return None,
                    // No two nulls are the same.
                    None => is_null = true,
                }
            }
            if !is_null {
                all.push(hits);
            }
        }
    }
    Some(all)
}
