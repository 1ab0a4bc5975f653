// Answers `/status` as a pod does, at an address of its own. `#[path]` brings this file into the tests that need it.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, bail};
use contract::stage_status::{SECTION, StageStatus};
use operator::load::PORT;
use runtime::admin::{Admin, router};
use runtime::{Process, Shutdown};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Says `stage` of itself at the returned address, until the task is aborted or the runtime ends.
pub async fn answer(stage: &StageStatus) -> Result<(String, JoinHandle<std::io::Result<()>>)> {
    let (address, listener) = listen().await?;
    let process = Process::new(Shutdown::new());
    process.status.publish(SECTION, serde_json::to_value(stage)?);
    let answers = tokio::spawn(axum::serve(listener, router(Admin::from(&process))).into_future());
    Ok((address.to_string(), answers))
}

/// The port of pods is one and the same: each has an address of its own.
async fn listen() -> Result<(IpAddr, TcpListener)> {
    for number in 1..=u8::MAX {
        let pid = std::process::id().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 1 + pid[2] % 250, pid[3], number));
        if let Ok(listener) = TcpListener::bind((address, PORT)).await {
            return Ok((address, listener));
        }
    }
    bail!("no address is left on which port {PORT} is free")
}
