//! What can stand where somebody types: keywords, tables, columns, functions, psql's commands.
//!
//! ```text
//!   select s.se|  from seats s        the text, and where the cursor stands
//!          └─┬─┘       └──┬──┘
//!        the word      the tables that the whole statement names, for their columns
//! ```
//!
//! SQL is not parsed: what is typed is hardly ever whole. The words before the cursor say what can
//! follow (`grammar`), and the statement's tables say which columns there are (`tables`).

mod backslash;
mod grammar;
mod identifier;
mod tables;

use std::ops::Range;

use crate::core::catalog::{Catalog, Relation};
use crate::core::syntax::{KEYWORDS, Strings, Token, TokenKind, Word, split, tokens, words};
use grammar::Expected;
use identifier::Partial;
use tables::Tables;

/// More than anybody looks through.
const MOST: usize = 500;

/// What somebody has typed, and what can be named where it is typed.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    pub text: &'a str,
    /// The cursor's place, in bytes.
    pub cursor: usize,
    /// How strings are read.
    pub strings: Strings,
    pub catalog: Option<&'a Catalog>,
    /// Where the session looks for names without a schema.
    pub path: &'a [String],
}

/// What can stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// Where the word begins that is completed.
    pub from: usize,
    /// Each fits what is typed of it.
    pub candidates: Vec<Candidate>,
}

/// A word that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word as it is put into the line.
    pub text: String,
    pub kind: CandidateKind,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CandidateKind {
    Column,
    Table,
    Schema,
    Function,
    Type,
    Setting,
    Keyword,
    /// One of psql's backslash commands.
    Command,
}

impl CandidateKind {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Table => "table",
            Self::Schema => "schema",
            Self::Function => "function",
            Self::Type => "type",
            Self::Setting => "setting",
            Self::Keyword => "keyword",
            Self::Command => "command",
        }
    }

    /// What follows the word once it is the only one that fits.
    pub fn tail(self) -> &'static str {
        match self {
            Self::Column | Self::Schema | Self::Function => "",
            Self::Table | Self::Type | Self::Setting | Self::Keyword | Self::Command => " ",
        }
    }
}

impl Completions {
    /// What can stand at the cursor.
    pub fn of(typed: Typed<'_>) -> Self {
        if let Some(completions) = backslash::completions(typed) {
            return completions;
        }
        match Place::of(typed) {
            Some(place) => place.completions(),
            None => Self::default(),
        }
    }

    /// The longest beginning that all of them share.
    pub fn common(&self) -> &str {
        let Some((first, rest)) = self.candidates.split_first() else { return "" };
        let shared = |end: usize, other: &Candidate| {
            let same = first.text.bytes().zip(other.text.bytes()).take_while(|(a, b)| a == b);
            first.text.floor_char_boundary(same.count().min(end))
        };
        &first.text[..rest.iter().fold(first.text.len(), shared)]
    }
}

/// A place in a statement.
struct Place<'a> {
    typed: Typed<'a>,
    /// The words before the one at the cursor, without those that qualify it.
    before: Vec<Word>,
    /// The statement up to the cursor.
    head: &'a str,
    /// The names in front of the word, each with its dot: `public.` of `public.se`.
    qualifier: Vec<String>,
    partial: Partial<'a>,
    tables: Tables,
}

impl<'a> Place<'a> {
    /// `None` in a string or a comment.
    fn of(typed: Typed<'a>) -> Option<Self> {
        let statement = statement_at(typed);
        let head = &typed.text[statement.start..typed.cursor];
        let word = word_at(head, &tokens(head, typed.strings))?;
        let mut before = words(&head[..word.start], typed.strings);
        let qualifier = take_qualifier(&mut before, word.start);
        let partial = Partial::of(&head[word.clone()]);
        let whole = words(&typed.text[statement], typed.strings);
        let tables = Tables::of(&whole);
        Some(Self { typed, before, head, qualifier, partial, tables })
    }

    fn completions(&self) -> Completions {
        let mut candidates = match self.qualifier.as_slice() {
            [] => self.unqualified(),
            names => self.qualified(names),
        };
        candidates.truncate(MOST);
        Completions { from: self.typed.cursor - self.partial.text.len(), candidates }
    }

    fn unqualified(&self) -> Vec<Candidate> {
        match grammar::expected(&self.before) {
            Expected::Words(words) => self.keywords(words),
            Expected::Relation(words) => {
                let mut candidates = self.relations();
                candidates.extend(self.keywords(words));
                candidates
            }
            Expected::ColumnOf(table) => self.columns_of(&table),
            Expected::Setting(words) => {
                let mut candidates = self.keywords(words);
                candidates.extend(self.settings());
                candidates
            }
            Expected::Type => self.types(),
            Expected::Name => Vec::new(),
            Expected::Operand => self.operands(),
            Expected::Operator => self.keywords(&KEYWORDS),
        }
    }

    /// What a value can be: a column of the statement's tables, a function, a keyword. As in psql,
    /// a condition begins with a column where one fits: the system's functions do not stand beside
    /// it.
    fn operands(&self) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for table in self.tables.named() {
            candidates.extend(self.columns_of(table));
        }
        let is_column = !candidates.is_empty() && grammar::begins_a_condition(&self.before);
        let aliases = self.tables.aliases();
        candidates.extend(self.fitting(aliases, CandidateKind::Table, "."));
        if !self.partial.text.is_empty() {
            candidates.extend(self.keywords(&KEYWORDS));
            candidates.extend(self.functions(|schema| {
                let is_systems = schema == "pg_catalog";
                (is_systems && !is_column) || self.typed.path.iter().any(|on| on == schema)
            }));
        }
        once_each(candidates)
    }

    /// What can follow a name and its dot: a table's columns, a schema's tables and functions.
    fn qualified(&self, names: &[String]) -> Vec<Candidate> {
        let columns = match names {
            [name] => self.tables.meant_by(name).map(|table| self.columns_of(table)),
            [schema, table] => Some(self.columns_of(&[schema.clone(), table.clone()])),
            _ => None,
        };
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            return columns;
        }
        let [schema] = names else { return Vec::new() };
        let Some(catalog) = self.typed.catalog else { return Vec::new() };
        let relations = catalog.relations.iter().filter(|relation| relation.schema == *schema);
        let relations = relations.map(|relation| relation.name.as_str());
        let mut candidates = self.fitting(relations, CandidateKind::Table, "");
        if !matches!(grammar::expected(&self.before), Expected::Relation(_)) {
            candidates.extend(self.functions(|of| of == schema));
        }
        candidates
    }

    fn relation(&self, name: &[String]) -> Option<&'a Relation> {
        let catalog = self.typed.catalog?;
        match name {
            [table] => catalog.relation(None, table, self.typed.path),
            [schema, table] => catalog.relation(Some(schema), table, self.typed.path),
            _ => None,
        }
        .or_else(|| {
            let [table] = name else { return None };
            let hidden = ["pg_temp", "pg_catalog"].map(str::to_owned);
            catalog.relation(None, table, &hidden)
        })
    }

    fn columns_of(&self, table: &[String]) -> Vec<Candidate> {
        let columns = self.relation(table).map_or(&[][..], |relation| &relation.columns);
        self.fitting(columns.iter().map(String::as_str), CandidateKind::Column, "")
    }

    /// What a statement can read from. The system's own tables come up once somebody asks for them
    /// by their first letters, as in psql.
    fn relations(&self) -> Vec<Candidate> {
        let Some(catalog) = self.typed.catalog else { return Vec::new() };
        let temporary = ["pg_temp".to_owned()];
        let mut path: Vec<String> =
            temporary.into_iter().chain(self.typed.path.iter().cloned()).collect();
        if self.partial.text.starts_with("pg_") {
            path.push("pg_catalog".to_owned());
        }
        let on_path = catalog.on(&path).map(|relation| relation.name.as_str());
        let queries = self.tables.queries();
        let mut candidates = self.fitting(queries, CandidateKind::Table, "");
        candidates.extend(self.fitting(on_path, CandidateKind::Table, ""));
        let own = |schema: &&str| !self.partial.text.is_empty() || !is_systems(schema);
        let schemas = catalog.schemas.iter().map(String::as_str).filter(own);
        candidates.extend(self.fitting(schemas, CandidateKind::Schema, "."));
        once_each(candidates)
    }

    /// The functions of these schemas.
    fn functions(&self, is_seen: impl Fn(&str) -> bool) -> Vec<Candidate> {
        let Some(catalog) = self.typed.catalog else { return Vec::new() };
        let seen = catalog.functions.iter().filter(|function| is_seen(&function.schema));
        let mut names: Vec<&str> = seen.map(|function| function.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        self.fitting(names, CandidateKind::Function, "(")
    }

    fn settings(&self) -> Vec<Candidate> {
        let Some(catalog) = self.typed.catalog else { return Vec::new() };
        let names = catalog.settings.iter().filter(|name| self.partial.begins(name));
        names.map(|name| Candidate { text: name.clone(), kind: CandidateKind::Setting }).collect()
    }

    fn types(&self) -> Vec<Candidate> {
        let Some(catalog) = self.typed.catalog else { return Vec::new() };
        let mut names: Vec<&String> =
            catalog.types.iter().filter(|name| self.partial.begins(name)).collect();
        names.sort_unstable();
        let candidate = |name: &String| Candidate { text: name.clone(), kind: CandidateKind::Type };
        names.into_iter().map(candidate).collect()
    }

    /// Those of these names that begin as the word does, quoted where they must be.
    fn fitting<'b>(
        &self,
        names: impl IntoIterator<Item = &'b str>,
        kind: CandidateKind,
        tail: &str,
    ) -> Vec<Candidate> {
        let fitting = names.into_iter().filter_map(|name| self.partial.completed(name));
        fitting.map(|name| Candidate { text: format!("{name}{tail}"), kind }).collect()
    }

    /// Those of these keywords that begin as the word does, in the case in which it is typed.
    fn keywords(&self, words: &[&str]) -> Vec<Candidate> {
        if self.partial.is_quoted() {
            return Vec::new();
        }
        let is_upper = self.is_typed_in_capitals();
        let fitting = words.iter().filter(|word| self.partial.begins(word));
        let cased = |word: &&str| if is_upper { word.to_uppercase() } else { (*word).to_owned() };
        let candidate = |word| Candidate { text: cased(word), kind: CandidateKind::Keyword };
        fitting.map(candidate).collect()
    }

    /// Whether keywords are typed in capitals: this one, or else the statement's last.
    fn is_typed_in_capitals(&self) -> bool {
        let is_upper =
            |text: &str| text.contains(char::is_alphabetic) && !text.contains(char::is_lowercase);
        if !self.partial.text.is_empty() {
            return is_upper(self.partial.text);
        }
        let last = self.before.iter().rfind(|word| KEYWORDS.contains(&word.text.as_str()));
        last.is_some_and(|word| is_upper(&self.head[word.span.clone()]))
    }
}

fn is_systems(schema: &str) -> bool {
    schema == "information_schema" || schema.starts_with("pg_")
}

/// The first of those with the same text.
fn once_each(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut seen = std::collections::HashSet::new();
    candidates.into_iter().filter(|candidate| seen.insert(candidate.text.clone())).collect()
}

/// The statement in which the cursor stands, in bytes of the text.
fn statement_at(typed: Typed<'_>) -> Range<usize> {
    let statements = split(typed.text, typed.strings);
    let around = statements.iter().find(|statement| {
        let ended = statement.is_terminated && typed.cursor >= statement.range.end;
        statement.range.start <= typed.cursor && !ended
    });
    let before = statements.iter().filter(|statement| statement.range.end <= typed.cursor);
    match around {
        Some(statement) => {
            // Blanks behind the last statement belong to it.
            statement.range.start..statement.range.end.max(typed.cursor)
        }
        None => before.map(|s| s.range.end).max().unwrap_or(0)..typed.cursor,
    }
}

/// The word that ends where the text does; empty between words, none in a string or a comment.
fn word_at(head: &str, tokens: &[Token]) -> Option<Range<usize>> {
    let end = head.len();
    let Some(last) = tokens.last() else { return Some(end..end) };
    match last.kind {
        TokenKind::Word => Some(last.range.clone()),
        TokenKind::QuotedName if !last.is_closed => Some(last.range.clone()),
        TokenKind::Text | TokenKind::DollarText if !last.is_closed => None,
        TokenKind::Comment if !last.is_closed || head[last.range.clone()].starts_with("--") => None,
        _ => Some(end..end),
    }
}

/// The names in front of the word that begins there, taken from the words before it.
fn take_qualifier(before: &mut Vec<Word>, begin: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut end = begin;
    while let [.., name, dot] = before.as_slice()
        && dot.is_mark('.')
        && dot.span.end == end
        && name.span.end == dot.span.start
        && let Some(text) = name.name()
    {
        end = name.span.start;
        names.insert(0, text.to_owned());
        before.truncate(before.len() - 2);
    }
    names
}

#[cfg(test)]
mod tests;
