//! When a fault strikes, and when it is over.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::fault::{AWAY, CUT, Fault, Injector};
use super::parts::{PartName, Parts};
use super::pause;

/// A part is struck when one request of so many is settled: by then everybody is at work.
const STRUCK_AFTER_ONE_OF: u64 = 10;

/// The faults of one strategy.
pub(super) struct Strikes {
    parts: Arc<Parts>,
    part: Option<PartName>,
    injector: Arc<Injector>,
    /// What is still to come, and after how many requests.
    to_come: Option<(u64, Fault)>,
    /// What mends what was broken.
    mending: JoinSet<()>,
}

impl Strikes {
    /// With the fault that was asked for: what concerns the workers begins with them.
    pub(super) fn new(
        parts: &Arc<Parts>,
        part: Option<PartName>,
        injector: &Arc<Injector>,
        fault: Option<Fault>,
        requests: u32,
    ) -> Self {
        let (parts, injector) = (Arc::clone(parts), Arc::clone(injector));
        let mut strikes = Self { parts, part, injector, to_come: None, mending: JoinSet::new() };
        match fault {
            Some(fault) if fault.befalls_part() => {
                strikes.to_come = Some((u64::from(requests) / STRUCK_AFTER_ONE_OF, fault));
            }
            Some(fault) => _ = strikes.strike(fault),
            None => {}
        }
        strikes
    }

    /// So many requests are settled.
    pub(super) fn see(&mut self, settled: u64) -> Option<String> {
        let (_, fault) = self.to_come.take_if(|(after, _)| settled > *after)?;
        self.strike(fault)
    }

    /// Now; says why not.
    pub(super) fn strike(&mut self, fault: Fault) -> Option<String> {
        match (fault, self.part) {
            (Fault::Pause, _) => self.injector.pause(),
            (Fault::Duplicate, _) => self.injector.duplicate(),
            (Fault::Cut | Fault::KillPart, None) => {
                return Some(format!("{fault}: this strategy has no part beside the database"));
            }
            (Fault::Cut, Some(part)) => self.cut(part),
            (Fault::KillPart, Some(part)) if self.parts.is_private(part) => self.kill(part),
            (Fault::KillPart, Some(part)) => {
                let word = part.word();
                return Some(format!(
                    "{fault}: {part} is not ours; have one started by --with {word}"
                ));
            }
        }
        None
    }

    fn cut(&mut self, part: PartName) {
        let Some(link) = self.parts.link(part) else { return };
        link.cut();
        self.mending.spawn(async move {
            pause::rest(CUT).await;
            link.mend();
        });
    }

    fn kill(&mut self, part: PartName) {
        let parts = Arc::clone(&self.parts);
        self.mending.spawn(async move {
            parts.kill(part).await;
            pause::rest(AWAY).await;
            parts.start_again(part).await;
        });
    }

    /// Until everything is mended.
    pub(super) async fn over(mut self) {
        while let Some(mended) = self.mending.join_next().await {
            if let Err(error) = mended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}
