use super::*;

fn fence() -> Fence {
    let position = |partition, offset| {
        let partition = StatePartition { stage: "revenue-fraud".to_owned(), partition };
        (partition, Position { incarnation: "2026 a".to_owned(), offset })
    };
    Fence {
        pipeline: "shop".to_owned(),
        token: Token { writer: WriterId::random(), batch: u64::MAX, phase: Phase::Rewriting },
        positions: [position(0, 7), position(11, i64::MAX)].into(),
    }
}

#[test]
fn fields_are_read_back_as_they_were_written() {
    for phase in Phase::ALL {
        let mut fence = fence();
        fence.token.phase = phase;
        assert_eq!(Fence::from_fields(&fence.to_fields()), Some(fence));
    }
}

#[test]
fn anything_else_is_no_fence() {
    let changes: [(&str, Option<&str>); 6] = [
        ("token", None),
        ("pipeline", None),
        ("token", Some("other:5")),
        ("token", Some("other:x:settled")),
        ("revenue-fraud/0", Some("seven i")),
        ("revenue-fraud", Some("7 i")),
    ];
    for (name, value) in changes {
        let mut fields = fence().to_fields();
        match value {
            Some(value) => drop(fields.insert(name.to_owned(), value.to_owned())),
            None => drop(fields.remove(name)),
        }
        assert_eq!(Fence::from_fields(&fields), None, "{name} {value:?}");
    }
}

#[test]
fn two_runs_are_two_writers() {
    assert_ne!(WriterId::random(), WriterId::random());
}
