//! The binary of the operator.

use kube::CustomResourceExt;
use std::io::Write;

fn main() -> anyhow::Result<()> {
    let crd = serde_saphyr::to_string(&operator::api::AnalyticsPipeline::crd())?;
    std::io::stdout().write_all(crd.as_bytes())?;
    Ok(())
}
