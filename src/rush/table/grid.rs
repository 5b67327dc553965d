//! Lines of aligned cells: names to the left, figures to the right, and words where there are no
//! figures.

/// The name's column: as wide as the longest strategy's; wider where faults are named too.
const NAME: usize = 18;
/// What is between two columns.
const GAP: &str = "  ";

/// What stands in one row.
pub(super) enum Row {
    /// A figure for each column.
    Cells {
        name: String,
        cells: Vec<String>,
    },
    Note {
        name: String,
        note: String,
    },
}

impl Row {
    fn name(&self) -> &str {
        match self {
            Self::Cells { name, .. } | Self::Note { name, .. } => name,
        }
    }

    /// Without the figure in this column.
    pub(super) fn leave_out(&mut self, column: usize) {
        match self {
            Self::Cells { cells, .. } => drop(cells.remove(column)),
            Self::Note { .. } => {}
        }
    }
}

/// The titles, then the rows. Words are broken to stay within the width; figures never are.
pub(super) fn lines(name: &str, titles: &[String], rows: &[Row], width: usize) -> Vec<String> {
    let widths: Vec<usize> =
        titles.iter().enumerate().map(|(place, title)| widest_cell(rows, place, title)).collect();
    let room = rows.iter().map(|row| row.name().chars().count()).fold(NAME, usize::max);
    let mut lines = vec![line((name, room), titles, &widths)];
    for row in rows {
        match row {
            Row::Cells { name, cells } => lines.push(line((name, room), cells, &widths)),
            Row::Note { name, note } => lines.extend(noted((name, room), note, width)),
        }
    }
    lines
}

/// How many cells the widest line takes.
pub(super) fn widest(lines: &[String]) -> usize {
    lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)
}

fn line((name, room): (&str, usize), cells: &[String], widths: &[usize]) -> String {
    let start = format!("{name:room$}");
    cells
        .iter()
        .zip(widths)
        .fold(start, |line, (cell, width)| line + &format!("{GAP}{cell:>width$}"))
}

fn widest_cell(rows: &[Row], place: usize, title: &str) -> usize {
    let cells = rows.iter().filter_map(|row| match row {
        Row::Cells { cells, .. } => cells.get(place).map(|cell| cell.chars().count()),
        Row::Note { .. } => None,
    });
    cells.max().unwrap_or(0).max(title.chars().count())
}

fn noted((name, room): (&str, usize), note: &str, width: usize) -> Vec<String> {
    let indent = room + GAP.len();
    let words = wrapped(note, width.saturating_sub(indent));
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names.zip(words).map(|(name, words)| format!("{name:room$}{GAP}{words}")).collect()
}

/// The text broken at blanks into lines of at most this many characters, but never within a word.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
