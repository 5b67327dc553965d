//! What the gateway asks PostgreSQL by itself, and what it is answered.

use bytes::Bytes;

/// Puts temporary tables behind the stored ones until the end of the transaction, or until they are
/// put in front again.
// `nullif`, because `concat_ws` leaves out NULL and not the empty text: with an empty path the
// result would be `, pg_temp`, which is no list of names.
pub(crate) const STORED_FIRST: &str = "select set_config('search_path', \
     concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp'), true)";
/// Puts them in front again.
pub(crate) const COPIES_FIRST: &str = "select set_config('search_path', \
     regexp_replace(current_setting('search_path'), '(, )?pg_temp$', ''), true)";

/// Parameters as a client has bound them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BoundValues {
    /// Of which types they are, 0 where that is for the server to find.
    pub(crate) types: Vec<u32>,
    pub(crate) values: Vec<BoundValue>,
}

/// A value, and whether it is written in the server's own form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BoundValue {
    pub(crate) value: Option<Bytes>,
    pub(crate) is_binary: bool,
}

impl BoundValues {
    /// With one more, as text.
    pub(crate) fn push(&mut self, type_oid: u32, value: &str) {
        let value = Some(Bytes::copy_from_slice(value.as_bytes()));
        self.types.push(type_oid);
        self.values.push(BoundValue { value, is_binary: false });
    }

    /// Whether all are whole numbers, which mean and compare the same under whatever settings. A
    /// date, even in the server's own form, is compared with a time by the client's time zone.
    pub(crate) fn are_fixed(&self) -> bool {
        const WHOLE_NUMBERS: [u32; 3] = [20, 21, 23];
        self.types.len() == self.values.len()
            && self.types.iter().all(|kind| WHOLE_NUMBERS.contains(kind))
    }

    /// With these behind them.
    pub(crate) fn append(&mut self, others: &Self) {
        self.types.extend(&others.types);
        self.values.extend(others.values.iter().cloned());
    }

    /// These of them, by their numbers from 1 on; nothing where one is not there.
    pub(crate) fn chosen(&self, numbers: &[usize]) -> Option<Self> {
        let place = |number: &usize| number.checked_sub(1);
        let value = |number: &usize| self.values.get(place(number)?).cloned();
        let kind = |number: &usize| Some(self.types.get(place(number)?).copied().unwrap_or(0));
        Some(Self {
            types: numbers.iter().map(kind).collect::<Option<_>>()?,
            values: numbers.iter().map(value).collect::<Option<_>>()?,
        })
    }
}

/// A statement of the gateway's own, with its parameters as text. Before those stand parameters
/// that a client has bound, if any.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(super) sql: String,
    pub(super) bound: BoundValues,
    pub(super) parameters: Vec<Option<String>>,
    pub(super) keep: Keep,
    pub(super) spelling: Spelling,
}

/// Under whose settings values become text, and text values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Clients,
    Ours,
}

/// Whether a question will be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Prepared,
    Once,
}

pub(crate) type AnswerRow = Vec<Option<String>>;

/// The rows that a question gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<AnswerRow>,
}

impl Answer {
    /// The value at this place of the first row.
    pub(crate) fn value(&self, column: usize) -> Option<&str> {
        self.rows.first()?.get(column)?.as_deref()
    }
}

impl Question {
    /// One that is asked often: it is prepared once.
    pub(crate) fn prepared(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            bound: BoundValues::default(),
            parameters: Vec::new(),
            keep: Keep::Prepared,
            spelling: Spelling::Clients,
        }
    }

    /// One that is asked once.
    pub(crate) fn once(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            bound: BoundValues::default(),
            parameters: Vec::new(),
            keep: Keep::Once,
            spelling: Spelling::Clients,
        }
    }

    /// The same, values written as the gateway's own settings have them.
    pub(crate) fn in_our_spelling(mut self) -> Self {
        self.spelling = Spelling::Ours;
        self
    }

    /// With these before its own parameters.
    pub(crate) fn with_bound(mut self, bound: BoundValues) -> Self {
        self.bound = bound;
        self
    }

    /// What it is known by where it stays prepared.
    pub(super) fn known_as(&self) -> String {
        if self.bound.types.iter().all(|kind| *kind == 0) {
            return self.sql.clone();
        }
        format!("{:?} {}", self.bound.types, self.sql)
    }

    /// What follows its text in a Parse.
    pub(super) fn types(&self) -> Vec<u8> {
        let types = &self.bound.types;
        let count = u16::try_from(types.len()).unwrap_or(u16::MAX);
        let numbers = types.iter().flat_map(|kind| kind.to_be_bytes());
        count.to_be_bytes().into_iter().chain(numbers).collect()
    }

    /// Whether it has any parameter.
    pub(crate) fn has_parameters(&self) -> bool {
        !self.parameters.is_empty() || !self.bound.values.is_empty()
    }

    /// With one more parameter.
    pub(crate) fn with(self, parameter: impl Into<String>) -> Self {
        self.with_some(Some(parameter))
    }

    /// With one more parameter, which may be NULL.
    pub(crate) fn with_some(mut self, parameter: Option<impl Into<String>>) -> Self {
        self.parameters.push(parameter.map(Into::into));
        self
    }
}

impl Spelling {
    /// Settings on which the text of a value depends, and what they are for the gateway.
    const SETTINGS: [(&'static str, &'static str); 6] = [
        ("datestyle", "ISO, MDY"),
        ("intervalstyle", "postgres"),
        ("timezone", "UTC"),
        // From 1 on a float's text reads back as the same float (since PostgreSQL 12).
        ("extra_float_digits", "1"),
        ("bytea_output", "hex"),
        ("lc_monetary", "C"),
    ];

    /// What brings it about, for the rest of the transaction. What the client had set is kept in a
    /// setting beside it.
    pub(super) fn question(self) -> Question {
        let pieces = Self::SETTINGS.iter().map(|(name, value)| match self {
            Self::Ours => format!(
                "set_config('overbooked.{name}', current_setting('{name}'), true), \
                 set_config('{name}', '{value}', true)"
            ),
            Self::Clients => {
                format!("set_config('{name}', current_setting('overbooked.{name}'), true)")
            }
        });
        Question::prepared(format!("select {}", pieces.collect::<Vec<_>>().join(", ")))
    }
}
