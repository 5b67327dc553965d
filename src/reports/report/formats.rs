//! The kinds of document, a row each: `--format`'s names and help, the endings of files and what
//! writes a document are all read from [`FORMATS`].

use super::{PlayReport, SpecReport};

/// A kind of document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Like psql, with the session's name in the prompt.
    #[default]
    Text,
    /// A section a step.
    Markdown,
    /// A line an event, as [`Event`](crate::core::event::Event) is serialized.
    Json,
    /// A sequence diagram.
    Mermaid,
    /// As isolationtester prints it.
    Spec,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub format: Format,
    /// Its name on the command line.
    pub name: &'static str,
    /// What `play` writes so, in the words of its help.
    pub of_play: &'static str,
    /// What `spec` writes so, where it does.
    pub of_spec: Option<&'static str>,
    /// What a file's name ends with.
    pub ending: &'static str,
    /// Whether a program reads it: nothing but the document goes where it goes.
    pub is_for_programs: bool,
    /// Writes a scenario that was played.
    pub(super) played: fn(&PlayReport<'_>) -> String,
    /// Writes a specification that was played.
    pub(super) specified: fn(&SpecReport<'_>) -> String,
}

/// Every kind, in the order in which the help tells them.
pub const FORMATS: [Entry; 5] = [
    Entry {
        format: Format::Text,
        name: "text",
        of_play: "Like psql, with the session's name in the prompt",
        of_spec: None,
        ending: "txt",
        is_for_programs: false,
        played: |play| play.text(),
        specified: |spec| spec.text(),
    },
    Entry {
        format: Format::Markdown,
        name: "markdown",
        of_play: "For a wiki: one section per step",
        of_spec: Some("For a wiki: one section per permutation"),
        ending: "md",
        is_for_programs: false,
        played: |play| play.markdown(),
        specified: |spec| spec.markdown(),
    },
    Entry {
        format: Format::Json,
        name: "json",
        of_play: "For programs: one line per event",
        of_spec: Some("For programs: one line per event"),
        ending: "jsonl",
        is_for_programs: true,
        played: |play| play.json(),
        specified: |spec| spec.json(),
    },
    Entry {
        format: Format::Mermaid,
        name: "mermaid",
        of_play: "A sequence diagram",
        of_spec: Some("A sequence diagram"),
        ending: "mmd",
        is_for_programs: true,
        played: |play| play.mermaid(),
        specified: |spec| spec.mermaid(),
    },
    Entry {
        format: Format::Spec,
        name: "spec",
        of_play: "As isolationtester prints it; for its own files, every permutation",
        of_spec: Some("What isolationtester prints"),
        ending: "out",
        is_for_programs: true,
        played: |play| play.spec(),
        specified: |spec| spec.text(),
    },
];

impl Format {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.iter().find(|entry| entry.name == name).map(|entry| entry.format)
    }

    /// Its row of the table.
    pub fn entry(self) -> &'static Entry {
        // A test holds that the rows stand in the order of the kinds.
        &FORMATS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_at_its_own_place() {
        for (place, entry) in FORMATS.iter().enumerate() {
            assert_eq!((entry.format as usize, entry.format.entry().name), (place, entry.name));
            assert_eq!(Format::named(entry.name), Some(entry.format));
        }
    }
}
