//! What is copied: lines of a pane, as many as a terminal takes.

use crate::core::scenario::counted;

/// How much a terminal takes at once, in bytes: encoded it is a third more, and the strictest of
/// those that know OSC 52 at all ignore what is longer than 100,000.
const MOST: usize = 74_000;

/// Text for the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    pub text: String,
    kept: usize,
    lines: usize,
}

impl Clip {
    /// These lines, without the blanks that fill them up; of too many, the first.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut clip = Self { text: String::new(), kept: 0, lines: 0 };
        for line in lines {
            clip.lines += 1;
            let line = line.trim_end();
            if clip.kept + 1 == clip.lines && clip.text.len() + line.len() < MOST {
                let between = if clip.kept > 0 { "\n" } else { "" };
                clip.text.push_str(between);
                clip.text.push_str(line);
                clip.kept += 1;
            }
        }
        clip
    }

    /// Whether there is nothing to copy.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// What is said of it.
    pub fn words(&self) -> String {
        let all = counted(self.lines as u64, "line");
        if self.kept == self.lines {
            return format!("copied {all}");
        }
        format!("copied {} of {all}; a terminal takes no more at once", self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_copied_without_the_blanks_at_their_ends() {
        let clip = Clip::of([" n ", "---", " 1 "]);
        assert_eq!(clip.text, " n\n---\n 1");
        assert_eq!(clip.words(), "copied 3 lines");
        assert!(Clip::of([]).is_empty());
    }

    #[test]
    fn of_too_many_lines_the_first_are_copied_and_it_is_said() {
        let line = "x".repeat(1000);
        let clip = Clip::of(std::iter::repeat_n(line.as_str(), 100));
        assert!(clip.text.len() < MOST && clip.text.len() > MOST - 2000);
        assert_eq!(clip.words(), "copied 73 of 100 lines; a terminal takes no more at once");
    }
}
