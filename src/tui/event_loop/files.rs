//! What the loop does when it hears of scenario files.

use futures::Stream;

use super::super::files::FileNews;
use super::super::screen::{Frames, Input};
use super::EventLoop;
use crate::stage::comparison::HalfEffect;

impl<B, I> EventLoop<'_, B, I>
where
    B: Frames,
    I: Stream<Item = std::io::Result<Input>> + Unpin,
{
    /// Watches where the files of one's own lie, before the first frame.
    pub(super) fn watch_files(&mut self) {
        if let Some(trouble) = self.own_files.watch_at_once(self.app.mode().own_files()) {
            self.app.refuse(trouble);
        }
    }

    /// Takes in what was heard of files.
    pub(super) fn hear_of_files(&mut self, news: FileNews) -> Vec<HalfEffect> {
        match news {
            FileNews::Changed(paths) => {
                self.own_files.read(self.app.mode().files_touched_by(&paths));
                Vec::new()
            }
            FileNews::Watched(trouble) => {
                if let Some(trouble) = trouble {
                    self.app.refuse(trouble);
                }
                Vec::new()
            }
            FileNews::Read(files) => {
                for file in &files {
                    self.app.file_read(file);
                }
                self.own_files.watch(self.app.mode().own_files());
                Vec::new()
            }
            FileNews::Found(path, found) => {
                let now = self.now();
                let effects = self.app.found(&path, found, now);
                self.own_files.watch(self.app.mode().own_files());
                effects
            }
        }
    }
}
