use super::*;

fn process() -> Process {
    Process::new(Shutdown::new())
}

/// Drains as soon as it is told to.
fn obedient(name: &'static str, process: &Process) -> Part {
    let shutdown = process.shutdown.clone();
    Part::new(name, async move {
        shutdown.cancelled().await;
        Ok(())
    })
}

#[tokio::test]
async fn all_parts_drain_when_told_to() {
    let process = process();
    let mut crew = Crew::start(vec![obedient("views", &process), obedient("dashboard", &process)]);
    process.shutdown.cancel();
    crew.work(&process).await.unwrap();
    assert_eq!(process.health.failure(), None);
}

#[tokio::test]
async fn the_end_of_one_part_ends_all() {
    let process = process();
    let done = Part::new("simulator", async { Ok(()) });
    Crew::start(vec![obedient("views", &process), done]).work(&process).await.unwrap();
    assert!(process.shutdown.is_cancelled());
}

#[tokio::test]
async fn the_first_failure_is_the_outcome() {
    let process = process();
    let failing = Part::new("stage", async { Err(Failure::usage(anyhow!("claimed"))) });
    let shutdown = process.shutdown.clone();
    let second = Part::new("views", async move {
        shutdown.cancelled().await;
        Err(Failure::run(anyhow!("later")))
    });
    let failure = Crew::start(vec![failing, second]).work(&process).await.unwrap_err();
    assert_eq!((failure.code(), failure.to_string().as_str()), (2, "claimed"));
    assert_eq!(process.health.failure().as_deref(), Some("claimed"));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_does_not_stop_is_named() {
    let process = process();
    let stuck = Part::new("stage", std::future::pending());
    let mut crew = Crew::start(vec![obedient("views", &process), stuck]);
    process.shutdown.cancel();
    let failure = crew.work(&process).await.unwrap_err();
    assert_eq!((failure.code(), failure.to_string().as_str()), (1, "not stopped within 10 s: stage"));
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    let process = process();
    let panicking = Part::new("views", async { panic!("bug") });
    let failure = Crew::start(vec![panicking]).work(&process).await.unwrap_err();
    assert_eq!(failure.code(), 1);
}
