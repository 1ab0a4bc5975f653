use proptest::prelude::*;

use super::*;

fn rate(orders: f64) -> Rate {
    Rate::per_second(orders).unwrap()
}

/// Runs the pace on a clock of its own that wakes up exactly when asked to; returns when each order was sent.
fn walk(pace: &mut Pace, until: Duration) -> Vec<Duration> {
    let mut now = Duration::ZERO;
    let mut sent = Vec::new();
    while now < until {
        for _ in 0..pace.due(now) {
            pace.take(now);
            sent.push(now);
        }
        now += pace.pause(now);
    }
    sent
}

fn gap(pair: &[Duration]) -> f64 {
    pair[1].as_secs_f64() - pair[0].as_secs_f64()
}

#[test]
fn course_mode_pauses_half_a_second_to_two() {
    let sent = walk(&mut Pace::new(Rate::COURSE, 3), Duration::from_secs(5_000));
    let gaps: Vec<f64> = sent.windows(2).map(gap).collect();
    assert_eq!(sent[0], Duration::ZERO);
    assert!(gaps.iter().all(|gap| (0.499_999..=2.000_001).contains(gap)));
    let mean = gaps.iter().sum::<f64>() / f64::from(u32::try_from(gaps.len()).unwrap());
    // Uniform on 0.5 to 2: mean 1.25, standard deviation 0.433; four standard errors of 4,000 gaps.
    assert!((mean - 1.25).abs() < 0.028, "{mean}");
    assert!(gaps.iter().any(|gap| *gap < 0.55) && gaps.iter().any(|gap| *gap > 1.95));
}

#[test]
fn slower_than_the_course_stretches_its_pauses() {
    let sent = walk(&mut Pace::new(rate(0.1), 3), Duration::from_secs(1_000));
    assert!(sent.windows(2).all(|pair| (4.999_999..=20.000_001).contains(&gap(pair))));
    assert!(sent.len() > 40);
}

#[test]
fn pauses_are_reproducible() {
    let walk = |seed| walk(&mut Pace::new(Rate::COURSE, seed), Duration::from_mins(1));
    assert_eq!(walk(5), walk(5));
    assert_ne!(walk(5), walk(6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn steady_keeps_its_rate_at_every_moment(orders in 1.01..200_000.0_f64) {
        let sent = walk(&mut Pace::new(rate(orders), 0), Duration::from_secs(1));
        for (n, at) in sent.iter().enumerate() {
            // The n-th order is due at (n + 1) / rate and goes out within a tick of it, never before.
            let due = f64::from(u32::try_from(n + 1).unwrap()) / orders;
            prop_assert!(at.as_secs_f64() >= due - 1e-6, "order {n} was sent at {at:?}, due at {due}");
            prop_assert!(at.as_secs_f64() <= due + 0.002_001, "order {n} was sent at {at:?}, due at {due}");
        }
        let late = orders - f64::from(u32::try_from(sent.len()).unwrap());
        prop_assert!((-1.0..=orders * 0.002 + 2.0).contains(&late), "{late} orders missing");
    }

    #[test]
    fn a_stall_is_caught_up_on_for_at_most_a_second(orders in 2.0..200_000.0_f64, stall in 1_u64..10_000) {
        let mut pace = Pace::new(rate(orders), 0);
        let most = whole(orders);
        let now = Duration::from_secs(stall);
        let due = pace.due(now);
        prop_assert!(due <= most, "{due} due after a stall of {stall} s");
        prop_assert!(due + 1 >= most);
        for _ in 0..due {
            pace.take(now);
        }
        prop_assert!(pace.due(now) <= 1);
        let second_later = pace.due(now + Duration::from_secs(1));
        prop_assert!(second_later.abs_diff(most) <= 1, "{second_later} in the second after");
    }
}

#[test]
fn waiting_never_spins() {
    let mut pace = Pace::new(rate(200_000.0), 0);
    let mut now = Duration::ZERO;
    for _ in 0..1_000 {
        for _ in 0..pace.due(now) {
            pace.take(now);
        }
        assert!(pace.pause(now) >= Duration::from_millis(1));
        now += Duration::from_micros(137);
    }
}

#[test]
fn rates_outside_the_range_are_refused_with_the_range() {
    for text in ["0", "-1", "200001", "inf", "NaN"] {
        let error = text.parse::<Rate>().unwrap_err().to_string();
        assert!(error.contains("between 0.001 and 200000"), "{text}: {error}");
    }
    assert_eq!(
        "a lot".parse::<Rate>().unwrap_err().to_string(),
        "\"a lot\" is not a number of orders per second"
    );
    assert_eq!("12.5".parse::<Rate>().unwrap(), rate(12.5));
}
