//! Shows what is sent: a line per order while a person can read along, one line in all above that.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use contract::Order;
use indicatif::{ProgressBar, ProgressStyle};

use crate::metrics::Counts;
use crate::pace::Rate;

/// Up to this many orders per second each gets a line.
const LINES_UP_TO: f64 = 10.0;
/// How often the one line is written anew: on a terminal, and into a log.
const REDRAW: Duration = Duration::from_millis(200);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Where progress goes to.
pub(crate) enum Progress {
    /// A log line per order.
    Lines,
    /// A line on the terminal, or now and then in the log, that says how many.
    Total(Total),
}

pub(crate) struct Total {
    bar: Option<ProgressBar>,
    shown: Instant,
    counts: Counts,
}

impl Progress {
    pub(crate) fn new(rate: Rate, count: Option<u64>) -> Self {
        if rate.get() <= LINES_UP_TO {
            Self::Lines
        } else {
            let bar = std::io::stderr().is_terminal().then(|| bar(count));
            Self::Total(Total { bar, shown: Instant::now(), counts: Counts::default() })
        }
    }

    /// The rate has changed: lines when a person can read along, else totals.
    pub(crate) fn adapt(&mut self, rate: Rate) {
        let lines = rate.get() <= LINES_UP_TO;
        if lines != matches!(self, Self::Lines) {
            std::mem::replace(self, Self::new(rate, None)).finish();
        }
    }

    /// This order is on its way.
    pub(crate) fn order(&self, order: &Order<'_>) {
        if matches!(self, Self::Lines) {
            let Order { order_id, user_id, product, quantity, total, city, is_suspicious, .. } = *order;
            tracing::info!(order_id, user_id, product, quantity, total, city, is_suspicious, "order sent");
        }
    }

    /// So much was sent up to now.
    pub(crate) fn total(&mut self, counts: Counts) {
        if let Self::Total(total) = self {
            total.show(counts);
        }
    }

    /// Nothing more will be sent.
    pub(crate) fn finish(self) {
        if let Self::Total(Total { bar: Some(bar), .. }) = self {
            bar.finish_and_clear();
        }
    }
}

impl Total {
    fn show(&mut self, counts: Counts) {
        let since = self.shown.elapsed();
        if since < if self.bar.is_some() { REDRAW } else { LOG_EVERY } {
            return;
        }
        let Counts { accepted, delivered, failed } = counts;
        if let Some(bar) = &self.bar {
            bar.set_position(delivered);
            bar.set_message(format!("{} under way, {failed} failed", counts.pending()));
        } else {
            let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
            let per_second = delivered.saturating_sub(self.counts.delivered) * 1_000 / millis;
            tracing::info!(sent = accepted, delivered, failed, per_second, "sending orders");
        }
        self.shown = Instant::now();
        self.counts = counts;
    }
}

fn bar(count: Option<u64>) -> ProgressBar {
    let (bar, template) = match count {
        Some(count) => (ProgressBar::new(count), "{bar:30} {human_pos}/{human_len} orders, {per_sec}, {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} orders, {per_sec}, {msg}"),
    };
    // The templates are fixed, so the default style is never what a user sees.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
