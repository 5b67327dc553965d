//! How far it has come, on a terminal; and each order as it is played, where that is asked for.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::core::scenario::Scenario;
use crate::explorer::exploration::Options;
use crate::explorer::explore::{News, Progress};
use crate::explorer::program::Program;
use crate::explorer::report::order_line;
use crate::explorer::search::Mode;

/// An order that was played: whose turn it was, and to which class it came.
pub(super) type Order = (Vec<usize>, usize);

/// What is done with each order that is told.
pub(super) struct Orders<'a> {
    /// Where a line is written for it.
    pub(super) lines: Option<&'a mut dyn Write>,
    /// Where it is kept.
    pub(super) kept: Option<&'a mut Vec<Order>>,
}

pub(super) struct Bar {
    bar: ProgressBar,
    sessions: Vec<String>,
}

impl Bar {
    pub(super) fn new(scenario: &Scenario, options: Options) -> Self {
        let all = match options.mode {
            Mode::Sample { orders, .. } => Some(orders),
            Mode::Reduced | Mode::Every => Program::of(scenario).orders(),
        };
        // Without a length where there are more orders than can be counted.
        let bar = all.map_or_else(ProgressBar::no_length, ProgressBar::new);
        bar.set_style(style(all.is_some()));
        bar.set_prefix(scenario.name.clone());
        let sessions = scenario.sessions.iter().map(|it| it.name.to_string()).collect();
        Self { bar, sessions }
    }

    /// Of programs: nobody knows before how many steps they have.
    pub(super) fn of_programs() -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(style(false));
        bar.set_prefix("programs");
        Self { bar, sessions: Vec::new() }
    }

    /// Shows what is told until nothing more is.
    pub(super) async fn follow(
        self,
        mut heard: UnboundedReceiver<News>,
        mut to: Orders<'_>,
    ) -> io::Result<()> {
        while let Some(news) = heard.recv().await {
            match news {
                News::Progress(progress) => self.show(progress),
                News::Classes(_) => {}
                News::Order { turns, class, orders } => {
                    if let Some(lines) = &mut to.lines {
                        let line = order_line(&self.sessions, &turns, class, orders);
                        lines.write_all(line.as_bytes())?;
                    }
                    if let Some(kept) = &mut to.kept {
                        kept.push((turns, class));
                    }
                }
            }
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    fn show(&self, Progress { plays, orders, classes }: Progress) {
        self.bar.set_position(orders.unwrap_or(plays));
        let what = if classes == 1 { "class" } else { "classes" };
        self.bar.set_message(format!("{plays} played, {classes} {what}"));
    }
}

fn style(has_length: bool) -> ProgressStyle {
    let template = if has_length {
        "{prefix} {wide_bar} {human_pos} of {human_len} orders · {msg}"
    } else {
        "{prefix} {spinner} {msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
