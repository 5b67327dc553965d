//! Where what is typed is kept.

use std::io;
use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::tui::history::History;
use crate::tui::screen::Input;

/// What the setting says where nothing is to be kept.
pub const OFF: &str = "off";

/// What was typed in earlier runs, from the file that was named, or from the user's own. What goes
/// wrong with it is told there.
pub fn open(named: Option<&str>, troubles: mpsc::UnboundedSender<io::Result<Input>>) -> History {
    match file(named) {
        Some(path) => History::open(path, troubles),
        None => History::none(),
    }
}

/// Without a home there is no file of one's own.
fn file(named: Option<&str>) -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    match named {
        Some(OFF) => None,
        Some(path) => Some(PathBuf::from(path)),
        None => {
            let folders = etcetera::choose_base_strategy().ok()?;
            let state = folders.state_dir().unwrap_or_else(|| folders.data_dir());
            Some(state.join("overbooked/history"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_in_a_file_unless_that_is_off() {
        assert_eq!(file(Some("off")), None);
        assert_eq!(file(Some("/x/history")), Some(PathBuf::from("/x/history")));
        if let Some(own) = file(None) {
            assert!(own.ends_with("overbooked/history"), "{}", own.display());
        }
    }
}
