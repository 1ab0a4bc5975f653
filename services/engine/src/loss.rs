//! Accepting that orders are gone: where a position goes that the orders topic does not hold any more.

use contract::state::Progress;

/// Moves position and checkpoints to what the topic holds, offsets `low` to `end`, and not before `known`, up to which
/// orders were committed.
pub(crate) fn move_into(mut progress: Progress, known: i64, (low, end): (i64, i64)) -> Progress {
    let position = progress.position.max(known).clamp(low, end.max(low));
    let mut lost = (position - progress.position).max(0);
    for checkpoint in progress.checkpoints.values_mut() {
        // What records of the state topic were lost from cannot be folded again either.
        let least = if known > progress.position { position } else { low };
        let moved = checkpoint.position.clamp(least, position.max(low));
        lost = lost.max(moved - checkpoint.position);
        checkpoint.position = moved;
    }
    progress.position = position;
    // Whatever stands before the position now need not be what was read.
    progress.last = None;
    progress.records = 0;
    progress.lost += u64::try_from(lost).unwrap_or(0);
    progress
}

#[cfg(test)]
mod tests {
    use contract::state::Checkpoint;

    use super::*;

    fn progress(position: i64, checkpoint: i64) -> Progress {
        let checkpoint = Checkpoint { format: 1, position: checkpoint, watermark: 0 };
        Progress {
            format: 1,
            incarnation: "a".to_owned(),
            owner: "o".to_owned(),
            position,
            last: None,
            records: 3,
            checkpoints: [("revenue".to_owned(), checkpoint)].into(),
            orders: 5,
            invalid: 0,
            lost: 1,
        }
    }

    #[test]
    fn retention_past_the_position_moves_everything_up() {
        let moved = move_into(progress(10, 8), 0, (20, 30));
        assert_eq!((moved.position, moved.checkpoints["revenue"].position, moved.lost), (20, 20, 13));
    }

    #[test]
    fn retention_past_a_checkpoint_keeps_the_position() {
        let moved = move_into(progress(10, 4), 0, (6, 30));
        assert_eq!((moved.position, moved.checkpoints["revenue"].position, moved.lost), (10, 6, 3));
    }

    #[test]
    fn a_topic_that_ends_earlier_moves_the_position_back_and_folds_nothing_again() {
        let moved = move_into(progress(10, 8), 0, (0, 5));
        assert_eq!((moved.position, moved.checkpoints["revenue"].position, moved.lost), (5, 5, 1));
    }

    #[test]
    fn lost_state_goes_on_where_the_group_stood() {
        let moved = move_into(progress(10, 8), 25, (0, 30));
        assert_eq!((moved.position, moved.checkpoints["revenue"].position, moved.lost), (25, 25, 18));
    }

    #[test]
    fn an_intact_partition_stays_as_it_is() {
        let moved = move_into(progress(10, 8), 0, (0, 30));
        assert_eq!((moved.position, moved.checkpoints["revenue"].position, moved.lost), (10, 8, 1));
    }
}
