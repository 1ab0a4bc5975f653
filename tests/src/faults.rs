//! Faults against a running cluster, and a count of those that really happened.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::cluster::{Cluster, READY_LIMIT};
use crate::process::Signal;
use crate::service::Service;
use crate::wait;

/// A member that is silent for longer than this (6 s, and some) is out of its group.
const PAST_SESSION: Duration = Duration::from_secs(8);
const WORK_LIMIT: Duration = Duration::from_mins(1);
/// Keys of nobody's, which tell what became of Redis: one that is lost, and one that is in the dump.
const MARK: &str = "saboteur:mark";
const SAVED_MARK: &str = "saboteur:saved";

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A replica is killed and comes back at once.
    Kill,
    /// A replica is killed, comes back, and is killed again before it has done any work.
    KillTwice,
    /// A replica is killed and stays away past its session: others take over, then give back.
    KillForLong,
    /// A replica is drained and comes back.
    GracefulRestart,
    /// A further replica comes and goes: two rebalances.
    Scale,
    /// An owner is frozen past its session and woken.
    Freeze,
    /// The broker is killed and comes back.
    KillBroker,
    /// The views process is killed and comes back.
    KillViews,
    /// Redis is flushed.
    FlushRedis,
    /// Redis is killed and comes back with an older dump.
    OldRedis,
}

/// How often each fault really happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// `kill -9` of a replica that had done work since its start.
    pub kills: usize,
    /// `kill -9` of a replica that was just starting.
    pub early_kills: usize,
    /// Replicas drained and started again.
    pub graceful_restarts: usize,
    /// Assignments that changed because a replica came or left.
    pub rebalances_by_scaling: usize,
    /// Owners frozen until all their partitions were others', and woken.
    pub freezes: usize,
    /// Brokers killed (the process is gone) and started again (as another one).
    pub broker_kills: usize,
    /// Views killed and started again.
    pub views_kills: usize,
    /// Flushes of a Redis that held values, and lost a key of ours.
    pub redis_flushes: usize,
    /// Restarts of Redis that came back with what the dump held, and without what came later.
    pub redis_set_back: usize,
}

/// Does the faults, in an order and at moments that a seed decides.
pub struct Saboteur {
    rng: StdRng,
    tally: Tally,
}

impl Saboteur {
    /// A saboteur whose choices follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), tally: Tally::default() }
    }

    /// What really happened so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Shuffles the faults and does them one after the other, with pauses of random length.
    ///
    /// # Errors
    /// When one cannot be done.
    pub fn run(&mut self, cluster: &mut Cluster, mut faults: Vec<Fault>) -> Result<()> {
        faults.shuffle(&mut self.rng);
        for fault in faults {
            thread::sleep(Duration::from_millis(self.rng.random_range(100..1_200)));
            self.commit(cluster, fault).with_context(|| format!("doing {fault:?}"))?;
        }
        Ok(())
    }

    fn commit(&mut self, cluster: &mut Cluster, fault: Fault) -> Result<()> {
        match fault {
            Fault::Kill => self.kill(cluster).map(drop),
            Fault::KillTwice => self.kill_twice(cluster),
            Fault::KillForLong => self.kill_for_long(cluster),
            Fault::GracefulRestart => self.graceful_restart(cluster),
            Fault::Scale => self.scale(cluster),
            Fault::Freeze => self.freeze(cluster),
            Fault::KillBroker => self.kill_broker(cluster),
            Fault::KillViews => self.kill_views(cluster),
            Fault::FlushRedis => self.flush_redis(cluster),
            Fault::OldRedis => self.old_redis(cluster),
        }
    }

    fn kill(&mut self, cluster: &mut Cluster) -> Result<usize> {
        let victim = self.working_replica(cluster)?;
        self.tally.kills += usize::from(cluster.replicas[victim].kill()?);
        cluster.replicas[victim].restart()?;
        Ok(victim)
    }

    fn kill_twice(&mut self, cluster: &mut Cluster) -> Result<()> {
        let victim = self.kill(cluster)?;
        thread::sleep(Duration::from_millis(self.rng.random_range(50..1_000)));
        self.tally.early_kills += usize::from(cluster.replicas[victim].kill()?);
        cluster.replicas[victim].restart()
    }

    fn kill_for_long(&mut self, cluster: &mut Cluster) -> Result<()> {
        let victim = self.working_replica(cluster)?;
        self.tally.kills += usize::from(cluster.replicas[victim].kill()?);
        thread::sleep(PAST_SESSION);
        cluster.replicas[victim].restart()
    }

    fn graceful_restart(&mut self, cluster: &mut Cluster) -> Result<()> {
        let victim = self.working_replica(cluster)?;
        cluster.replicas[victim].drain()?;
        cluster.replicas[victim].restart()?;
        self.tally.graceful_restarts += 1;
        Ok(())
    }

    fn scale(&mut self, cluster: &mut Cluster) -> Result<()> {
        let mut fourth = cluster.replica_spec(cluster.replicas.len()).start()?;
        fourth.wait_ready(READY_LIMIT)?;
        let taken = wait::some("the new replica to work", WORK_LIMIT, || {
            let taken: Vec<_> = fourth.partitions()?.iter().map(|p| p.partition).collect();
            Ok((fourth.orders_folded()? > 0.0 && !taken.is_empty()).then_some(taken))
        })?;
        self.tally.rebalances_by_scaling += 1;
        fourth.drain()?;
        let all: Vec<_> = (0..cluster.replicas.len()).collect();
        wait::until("its partitions to be taken over", WORK_LIMIT, || {
            let owned = cluster.owned(&all);
            Ok(taken.iter().all(|p| owned.contains(p)))
        })?;
        self.tally.rebalances_by_scaling += 1;
        Ok(())
    }

    fn freeze(&mut self, cluster: &mut Cluster) -> Result<()> {
        let victim = self.working_replica(cluster)?;
        let others: Vec<_> = (0..cluster.replicas.len()).filter(|&i| i != victim).collect();
        let had = wait::some("the replica to own partitions", WORK_LIMIT, || {
            Ok(Some(cluster.owned(&[victim])).filter(|owned| !owned.is_empty()))
        })?;
        cluster.replicas[victim].signal(Signal::Stop)?;
        let taken =
            wait::until("others to take over", WORK_LIMIT, || Ok(cluster.owned(&others).is_superset(&had)));
        cluster.replicas[victim].signal(Signal::Continue)?;
        taken?;
        self.tally.freezes += 1;
        Ok(())
    }

    fn kill_broker(&mut self, cluster: &mut Cluster) -> Result<()> {
        let kafka = &cluster.servers.kafka;
        let before = kafka.pid()?;
        kafka.kill()?;
        ensure!(!exists(before), "the broker {before} is still there");
        kafka.restart()?;
        let after = kafka.pid()?;
        ensure!(after != before && exists(after), "the broker is {after}, as before the kill");
        self.tally.broker_kills += 1;
        Ok(())
    }

    fn kill_views(&mut self, cluster: &mut Cluster) -> Result<()> {
        let views = cluster.views.as_mut().context("there are no views to kill")?;
        self.tally.views_kills += usize::from(views.kill()?);
        views.restart()
    }

    fn flush_redis(&mut self, cluster: &mut Cluster) -> Result<()> {
        redis_total(cluster, 1)?;
        let redis = &cluster.servers.redis;
        redis.set(MARK, "before the flush")?;
        redis.flush()?;
        ensure!(redis.get(MARK)?.is_none(), "Redis kept a key over the flush");
        self.tally.redis_flushes += 1;
        Ok(())
    }

    fn old_redis(&mut self, cluster: &mut Cluster) -> Result<()> {
        let before = redis_total(cluster, 1)?;
        let redis = &cluster.servers.redis;
        redis.set(SAVED_MARK, "before the dump")?;
        redis.save()?;
        redis.set(MARK, "after the dump")?;
        redis_total(cluster, before + 1)?;
        let old = redis.pid()?;
        redis.kill()?;
        redis.restart()?;
        ensure!(!exists(old) && redis.pid()? != old, "Redis is the process {old}, as before the kill");
        let (saved, lost) = (redis.get(SAVED_MARK)?, redis.get(MARK)?);
        ensure!(saved.is_some() && lost.is_none(), "Redis came back with {saved:?} and {lost:?}");
        self.tally.redis_set_back += 1;
        Ok(())
    }

    /// A random replica that has folded orders since its start, at a random moment after that.
    fn working_replica(&mut self, cluster: &mut Cluster) -> Result<usize> {
        let victim = self.rng.random_range(0..cluster.replicas.len());
        let replica = &mut cluster.replicas[victim];
        let name = replica.name().to_owned();
        wait::until(&format!("{name} to work"), WORK_LIMIT, || {
            ensure!(replica.process().is_running()?, "it ended by itself");
            Ok(replica.orders_folded()? > 0.0)
        })
        .with_context(|| crate::process::tail(&replica.spec().log))?;
        thread::sleep(Duration::from_millis(self.rng.random_range(0..300)));
        Ok(victim)
    }
}

fn exists(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap_or(true)
}

/// Waits until Redis has counted at least `least` orders; how many it has.
fn redis_total(cluster: &Cluster, least: u64) -> Result<u64> {
    wait::some(&format!("Redis to count {least} orders"), WORK_LIMIT, || {
        Ok(cluster.redis_orders()?.filter(|&n| n >= least))
    })
}

/// Waits until a replica that has a failpoint killed itself there.
///
/// # Errors
/// When it does not, or ends in another way.
pub fn killed_itself(replica: &mut Service) -> Result<()> {
    let status = replica.process().wait_end(WORK_LIMIT)?;
    ensure!(status.signal() == Some(9), "{} ended with {status} instead of killing itself", replica.name());
    Ok(())
}

/// Waits until a replica that has a failpoint stopped itself there.
///
/// # Errors
/// When it does not.
pub fn stopped_itself(replica: &mut Service) -> Result<()> {
    let stat = format!("/proc/{}/stat", replica.process().pid());
    wait::until(&format!("{} to stand still", replica.name()), WORK_LIMIT, || {
        // The state follows the program's name in parentheses.
        Ok(fs::read_to_string(&stat)?.contains(") T "))
    })
    .with_context(|| crate::process::tail(&replica.spec().log))
}
