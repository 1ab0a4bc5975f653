//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Cancelled when the process is to drain and end. Clones and children follow.
pub use tokio_util::sync::CancellationToken as Shutdown;

/// Cancels the result on SIGTERM or Ctrl-C. A second Ctrl-C ends the process at once with exit code 1.
/// Must be called within a tokio runtime.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn on_signal() -> std::io::Result<Shutdown> {
    let shutdown = Shutdown::new();
    let told = shutdown.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "draining"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "draining; once more ends at once"),
        }
        told.cancel();
        interrupt.recv().await;
        tracing::warn!("ended at once by a second Ctrl-C");
        std::process::exit(1);
    });
    Ok(shutdown)
}
