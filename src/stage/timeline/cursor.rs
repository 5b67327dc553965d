//! What somebody looks at on the timeline.

use super::Timeline;
use crate::stage::keys::{Code, Held, Key};

/// How many moments the page keys go.
const PAGE: isize = 10;

/// What somebody looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The moment, or none to stay with the last.
    pub moment: Option<usize>,
    /// The first lane in sight.
    pub lane: usize,
}

impl Cursor {
    /// The moment that is looked at.
    pub fn at(self, timeline: &Timeline) -> usize {
        let last = timeline.len().saturating_sub(1);
        self.moment.map_or(last, |moment| moment.clamp(timeline.first(), last))
    }

    /// Looks so many moments back, or forward if that is negative; who comes to the last one stays
    /// with it.
    #[must_use]
    pub fn back(self, moments: isize, timeline: &Timeline) -> Self {
        let at = self.at(timeline).saturating_add_signed(-moments).max(timeline.first());
        Self { moment: Some(at).filter(|at| at + 1 < timeline.len()), ..self }
    }

    /// Looks at the first moment.
    #[must_use]
    pub fn begin(self, timeline: &Timeline) -> Self {
        self.back(isize::MAX, timeline)
    }

    /// Looks so many lanes down, or up if that is negative.
    #[must_use]
    pub fn down(self, lanes: isize, timeline: &Timeline) -> Self {
        let last = timeline.lanes().len().saturating_sub(1);
        Self { lane: self.lane.saturating_add_signed(lanes).min(last), ..self }
    }

    /// What a key turns it to, if that is what the key does on the timeline.
    #[must_use]
    pub(crate) fn turned(self, key: Key, timeline: &Timeline) -> Option<Self> {
        Some(match key.code() {
            _ if key.held() != Held::NOTHING => return None,
            Code::Left => self.back(1, timeline),
            Code::Right => self.back(-1, timeline),
            Code::PageUp => self.back(PAGE, timeline),
            Code::PageDown => self.back(-PAGE, timeline),
            Code::Home => self.begin(timeline),
            Code::End => Self { moment: None, ..self },
            Code::Up => self.down(-1, timeline),
            Code::Down => self.down(1, timeline),
            _ => return None,
        })
    }
}
