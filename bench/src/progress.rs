//! Progress on standard error.

use indicatif::{ProgressBar, ProgressStyle};

/// Says what begins now.
pub fn step(what: &str) {
    eprintln!("-- {what}");
}

/// A bar up to `total` orders; invisible when standard error is no terminal.
pub fn bar(total: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("   {bar:40} {human_pos}/{human_len} orders, {per_sec}, {elapsed}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
