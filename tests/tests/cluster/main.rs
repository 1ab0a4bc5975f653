//! The whole way on a real cluster: the chart is installed, ten lines make a running pipeline, orders flow, pods come and
//! go, releases come and go.
//!
//! The pods run the images that the Dockerfile describes. Kafka and Redis run beside the cluster, which reaches them as
//! it would reach any that are not part of it.

mod exact;
mod readme;
mod release;
mod ten_lines;
mod world;

use anyhow::{Context, Result};
use harness::case::{self, Case};

use world::World;

#[test]
fn from_install_to_uninstall() {
    case::run("whole-way", |case| {
        let world = World::start(case)?;
        steps(&world, case).with_context(|| world.in_words())
    });
}

fn steps(world: &World, case: &Case) -> Result<()> {
    readme::run(world, case)?;
    ten_lines::run(world)?;
    exact::run(world, case)?;
    release::upgrade(world)?;
    release::uninstall(world)
}
