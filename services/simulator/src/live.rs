//! The part of the live settings that the shop goes by.

use std::sync::Arc;

use contract::settings::SimulatorSettings;
use runtime::settings::Directory;
use tokio::sync::watch;

use crate::pace::Rate;

/// What the settings say; nothing, ever, if they are not followed.
pub(crate) struct Live(pub Option<watch::Receiver<Arc<Directory>>>);

/// How the shop trades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Terms {
    pub rate: Rate,
    pub suspicious_percent: u8,
}

impl Live {
    /// The next terms that the settings give. Pends for ever when there are none to follow.
    pub(crate) async fn next(&mut self) -> Terms {
        if let Some(receiver) = &mut self.0
            && receiver.changed().await.is_ok()
            && let Some(terms) = terms(&receiver.borrow_and_update())
        {
            return terms;
        }
        std::future::pending().await
    }

    /// The terms to begin with, as soon as the settings are read; those of `options` if they are not followed.
    pub(crate) async fn first(&mut self, options: Terms) -> Terms {
        let Some(receiver) = &mut self.0 else { return options };
        match receiver.wait_for(|directory| directory.loaded).await {
            Ok(directory) => terms(&directory).unwrap_or(options),
            // The process is told to stop.
            Err(_) => options,
        }
    }
}

fn terms(directory: &Directory) -> Option<Terms> {
    let SimulatorSettings { orders_per_second, suspicious_percent } = directory.settings.simulator;
    let rate = Rate::per_second(orders_per_second.into()).ok()?;
    Some(Terms { rate, suspicious_percent })
}
