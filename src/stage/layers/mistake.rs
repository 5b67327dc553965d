//! What is wrong with a scenario file that was edited, in full.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Layer, Layers};
use crate::core::scenario::own::Wrong;

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The scenario's file; what is wrong may stand in one that it names.
    pub path: PathBuf,
    pub wrong: Arc<Wrong>,
    /// Whether an earlier version of it is on the stage.
    pub is_on_stage: bool,
}

impl Layers {
    /// Puts it under everything that is open, in the place of an earlier one about the same file.
    pub(crate) fn put_below(&mut self, layer: Layer) {
        if let Layer::Mistake(mistake) = &layer {
            self.close_mistake(&mistake.path);
        }
        self.0.insert(0, layer);
    }

    /// What was wrong is so no longer.
    pub(crate) fn close_mistake(&mut self, path: &std::path::Path) {
        self.0.retain(|layer| !matches!(layer, Layer::Mistake(mistake) if mistake.path == path));
    }
}
