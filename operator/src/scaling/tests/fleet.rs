//! A processor with its pods and partitions, a second at a time: enough of the real thing to scale it.
//!
//! Pods share partitions as the consumers do, stop for two seconds at every rebalance, start in eight, and say what
//! real ones say: averages of ten seconds, nothing right after a rebalance.

use std::collections::VecDeque;

use contract::stage_status::{PartitionStatus, StageStatus};

use crate::scaling::PodLoad;

const START: u64 = 8;
const REBALANCE: u64 = 2;
const WINDOW: usize = 10;
/// Of a pod that reads as fast as it can.
const FOLDING: f64 = 0.8;
/// Hardly changes with the orders.
const COMMITS: f64 = 0.15;

/// What happens to the fleet in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub orders: f64,
    /// Share of the orders that goes to partition 1; 0 for an even spread.
    pub hot_share: f64,
    /// Pods that do not answer.
    pub silent: usize,
}

pub(super) struct Fleet {
    /// Orders per second that a pod can read.
    pod: f64,
    /// How much of a busy pod's time for an order it takes while there is little to do: 1, or less with a CPU limit that
    /// only slows down the busy.
    pub ease: f64,
    pub second: u64,
    pub partitions: Vec<Queue>,
    pub working: i32,
    pub desired: i32,
    /// When the pods asked for take part.
    change: Option<u64>,
    busy_until: u64,
    silent: usize,
}

/// One partition.
#[derive(Default)]
pub(super) struct Queue {
    end: f64,
    position: f64,
    /// The end at the end of each second, from the oldest that is not read.
    ends: VecDeque<(u64, f64)>,
    /// (end, position) since the rebalance, one per second, newest last.
    seen: VecDeque<(f64, f64)>,
}

impl Fleet {
    pub(super) fn new(partitions: usize, replicas: i32, pod: f64) -> Self {
        let partitions = (0..partitions).map(|_| Queue::default()).collect();
        Self {
            pod,
            ease: 1.0,
            second: 0,
            partitions,
            working: replicas,
            desired: replicas,
            change: None,
            busy_until: 0,
            silent: 0,
        }
    }

    pub(super) fn ask_for(&mut self, replicas: i32) {
        if replicas != self.desired {
            self.desired = replicas;
            self.change = Some(self.second + if replicas > self.working { START } else { 1 });
        }
    }

    pub(super) fn step(&mut self, weather: Weather) {
        self.second += 1;
        self.silent = weather.silent;
        if self.change.is_some_and(|at| self.second >= at) {
            self.change = None;
            self.working = self.desired;
            self.rebalance();
        }
        self.arrive(weather);
        if self.second > self.busy_until {
            for run in self.runs() {
                self.read(run);
            }
        }
        let second = self.second;
        for queue in &mut self.partitions {
            queue.note(second);
        }
    }

    /// Also what a crashed pod brings about.
    pub(super) fn rebalance(&mut self) {
        self.busy_until = self.second + REBALANCE;
        for queue in &mut self.partitions {
            queue.seen.clear();
        }
    }

    fn arrive(&mut self, weather: Weather) {
        let even = weather.orders / self.partitions.len() as f64;
        let cold = weather.orders * (1.0 - weather.hot_share) / (self.partitions.len() as f64 - 1.0);
        for (number, queue) in self.partitions.iter_mut().enumerate() {
            queue.end += match (weather.hot_share > 0.0, number) {
                (false, _) => even,
                (true, 1) => weather.orders * weather.hot_share,
                (true, _) => cold,
            };
        }
    }

    /// The partitions of each pod.
    fn runs(&self) -> Vec<std::ops::Range<usize>> {
        let (partitions, pods) = (self.partitions.len(), usize::try_from(self.working).unwrap());
        let mut runs = Vec::new();
        let mut from = 0;
        for pod in 0..pods {
            let to = from + partitions / pods + usize::from(pod < partitions % pods);
            runs.push(from..to);
            from = to;
        }
        runs
    }

    /// A fetch brings the same from every partition that has so much: nobody with little waits behind one with much.
    fn read(&mut self, run: std::ops::Range<usize>) {
        let mut queues: Vec<_> = self.partitions[run].iter_mut().collect();
        queues.sort_by(|a, b| a.lag().total_cmp(&b.lag()));
        let (mut left, mut waiting) = (self.pod, queues.len() as f64);
        for queue in queues {
            let read = queue.lag().min(left / waiting);
            queue.position += read;
            (left, waiting) = (left - read, waiting - 1.0);
        }
    }

    pub(super) fn pods(&self) -> Vec<PodLoad> {
        let load = |(number, run): (usize, std::ops::Range<usize>)| {
            let pod = format!("pod-{number}");
            let stage =
                if number < self.silent { Err("timed out".to_owned()) } else { Ok(self.stage(&pod, run)) };
            PodLoad { pod, stage }
        };
        self.runs().into_iter().enumerate().map(load).collect()
    }

    fn stage(&self, pod: &str, run: std::ops::Range<usize>) -> StageStatus {
        let mut stage =
            StageStatus { instance: pod.to_owned(), measured_seconds_ago: 0.5, ..StageStatus::default() };
        if self.second <= self.busy_until {
            return stage;
        }
        stage.partitions = run.map(|number| self.partitions[number].status(number, self.second)).collect();
        let rate: Option<f64> = stage.partitions.iter().map(|p| p.processing_rate).sum();
        stage.window_seconds = stage.partitions[0].window_seconds;
        let ease = |rate: f64| if rate > 0.9 * self.pod { 1.0 } else { self.ease };
        stage.folding_share = rate.map(|rate| FOLDING * ease(rate) * rate / self.pod);
        stage.busy_share = stage.folding_share.map(|folding| folding + COMMITS);
        let ages = stage.partitions.iter().map(|p| p.oldest_unread_seconds);
        stage.oldest_unread_seconds =
            ages.collect::<Option<Vec<_>>>().map(|ages| ages.into_iter().fold(0.0, f64::max));
        stage
    }

    /// Seconds for which the oldest unread order has waited.
    pub(super) fn oldest(&self) -> f64 {
        self.partitions.iter().map(|queue| queue.age(self.second)).fold(0.0, f64::max)
    }
}

impl Queue {
    pub(super) fn lag(&self) -> f64 {
        // Less than an order is rounding.
        if self.end - self.position < 0.5 { 0.0 } else { self.end - self.position }
    }

    pub(super) fn age(&self, second: u64) -> f64 {
        if self.lag() == 0.0 {
            return 0.0;
        }
        let written = self.ends.iter().find(|(_, end)| *end > self.position).map_or(second, |(at, _)| *at);
        (second - written) as f64
    }

    fn note(&mut self, second: u64) {
        self.ends.push_back((second, self.end));
        while self.ends.front().is_some_and(|(_, end)| *end <= self.position) {
            self.ends.pop_front();
        }
        self.seen.push_back((self.end, self.position));
        if self.seen.len() > WINDOW + 1 {
            self.seen.pop_front();
        }
    }

    fn status(&self, number: usize, second: u64) -> PartitionStatus {
        let ((first_end, first_position), seconds) = (self.seen[0], (self.seen.len() - 1) as f64);
        let rate = |first: f64, last: f64| (seconds >= 2.0).then(|| (last - first) / seconds);
        PartitionStatus {
            partition: i32::try_from(number).unwrap(),
            position: self.position as i64,
            end: Some(self.end as i64),
            lag: Some(self.lag() as u64),
            oldest_unread_seconds: Some(self.age(second)),
            window_seconds: seconds,
            arrival_rate: rate(first_end, self.end),
            processing_rate: rate(first_position, self.position),
            ..PartitionStatus::default()
        }
    }
}
