//! What a client has prepared and bound, as far as its messages and the answers to them tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::core::event::{Column, octets};
use crate::gateway::hooks::Parameter;
use crate::gateway::refusal::Refusal;
use crate::pg::frame::{Fields, FromClient};

/// A prepared statement.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(super) name: Arc<str>,
    pub(super) sql: Arc<str>,
    /// The types that Parse gives its parameters, 0 where that is for the server to find.
    given: Vec<u32>,
    /// All of them, once the server has told.
    pub(super) types: OnceLock<Vec<u32>>,
    pub(super) columns: OnceLock<Vec<Column>>,
}

/// The body of a Parse: the name, and what is prepared under it.
pub(super) fn parsed(fields: &mut Fields<'_>) -> Option<(Box<[u8]>, Prepared)> {
    let (name, sql) = (fields.string()?, fields.string()?);
    let prepared = Prepared {
        name: octets::keep(name).into(),
        sql: octets::keep(sql).into(),
        ..Prepared::of_types(fields)
    };
    Some((name.into(), prepared))
}

impl Prepared {
    /// One without a text, of the types that Parse gives behind it.
    pub(crate) fn of_types(fields: &mut Fields<'_>) -> Self {
        let count = fields.short().unwrap_or(0);
        let given = (0..count).map_while(|_| fields.long()).map(i32::cast_unsigned).collect();
        Self { given, ..Self::default() }
    }

    pub(super) fn type_of(&self, at: usize) -> u32 {
        self.types.get().unwrap_or(&self.given).get(at).copied().unwrap_or(0)
    }
}

/// A prepared statement with its parameters.
#[derive(Debug, Default)]
pub(crate) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    values: Vec<(Option<Bytes>, bool)>,
    /// The formats that Bind asks for: none means text, one is for all columns.
    results: Vec<u16>,
    /// The columns where this very portal was described.
    pub(super) columns: OnceLock<Vec<Column>>,
    /// The message that bound it, where it may be needed again.
    bind: Option<FromClient>,
    /// Whether an Execute of it was sent.
    is_begun: AtomicBool,
}

fn codes(fields: &mut Fields<'_>) -> Vec<u16> {
    let count = fields.short().unwrap_or(0);
    (0..count).map_while(|_| fields.short()).collect()
}

/// Whether the value at this place is in binary (PostgreSQL documentation, 54.7, `Bind`).
fn is_binary(formats: &[u16], at: usize) -> bool {
    match formats {
        [] => false,
        [all] => *all == 1,
        each => each.get(at) == Some(&1),
    }
}

impl Portal {
    /// What a Bind says behind its two names; `keep` keeps a value of it.
    pub(crate) fn bound(
        prepared: Arc<Prepared>,
        fields: &mut Fields<'_>,
        keep: impl Fn(&[u8]) -> Bytes,
    ) -> Self {
        let formats = codes(fields);
        let count = fields.short().unwrap_or(0);
        let values = (0..usize::from(count)).map_while(|at| {
            let value = fields.value_bytes()?.map(&keep);
            Some((value, is_binary(&formats, at)))
        });
        let values = values.collect();
        Self { prepared, values, results: codes(fields), ..Self::default() }
    }

    /// The portal that this message binds, whose names were read.
    pub(super) fn bound_by(
        bind: &FromClient,
        prepared: Arc<Prepared>,
        fields: &mut Fields<'_>,
    ) -> Self {
        let bound = Self::bound(prepared, fields, |value| bind.part(value));
        Self { bind: Some(bind.clone()), ..bound }
    }

    /// Notes that it is executed.
    pub(super) fn begin(&self) {
        self.is_begun.store(true, Ordering::Relaxed);
    }

    /// The message that would bind it as it was bound, as long as it was not executed.
    pub(super) fn bind(&self) -> Option<&FromClient> {
        self.bind.as_ref().filter(|_| !self.is_begun.load(Ordering::Relaxed))
    }

    /// Its parameters, of the types that are known by now.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let parameter = |(at, (value, is_binary)): (usize, &(Option<Bytes>, bool))| Parameter {
            type_oid: self.prepared.type_of(at),
            value: value.clone(),
            is_binary: *is_binary,
        };
        self.values.iter().enumerate().map(parameter).collect()
    }

    /// Its columns, as far as anybody was told of them.
    pub(super) fn columns(&self) -> Option<&Vec<Column>> {
        self.columns.get().or_else(|| self.prepared.columns.get())
    }

    /// Whether this column comes in binary.
    pub(super) fn is_binary(&self, column: usize) -> bool {
        is_binary(&self.results, column)
    }
}

/// A statement that runs, or is about to.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(super) sql: Arc<str>,
    /// Of which portal; a Query has none.
    pub(super) portal: Option<Arc<Portal>>,
    /// What the client is told instead of what becomes of that which goes in its place.
    pub(super) refusal: Option<Refusal>,
}

impl Launched {
    /// What the client wrote.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The name under which it was prepared; nothing for a Query.
    pub(crate) fn prepared(&self) -> Option<&str> {
        self.portal.as_ref().map(|portal| &*portal.prepared.name)
    }

    /// What Bind gave.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        self.portal.as_ref().map(|portal| portal.parameters()).unwrap_or_default()
    }
}
