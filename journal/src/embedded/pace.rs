//! How long the writer lets a group gather: callers who were answered together come back together.
//!
//! Without it the first to come back would be committed alone, while the others wait for a second sync.

use std::time::Duration;

/// At most this share of a commit's time is spent on gathering the next group,
const SHARE_OF_COMMIT: u32 = 4;
/// and never more than this.
const PATIENCE_MAX: Duration = Duration::from_millis(1);

/// What to wait for before a group is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gathering {
    /// Enough jobs to go on at once.
    pub(super) jobs: usize,
    /// How long to wait for them after the first.
    pub(super) patience: Duration,
}

/// The sizes of the last two groups, and how long the last one took.
#[derive(Debug, Default)]
pub(super) struct Pace {
    sizes: [usize; 2],
    commit: Duration,
}

impl Pace {
    /// Notes that a group of `jobs` took `commit` to become durable.
    pub(super) fn note(&mut self, jobs: usize, commit: Duration) {
        let [_, last] = self.sizes;
        self.sizes = [last, jobs];
        self.commit = commit;
    }

    /// The larger of two groups: a lone straggler between them does not end the gathering, a lower load does.
    pub(super) fn next(&self) -> Gathering {
        let [before, last] = self.sizes;
        Gathering {
            jobs: before.max(last).max(1),
            patience: (self.commit / SHARE_OF_COMMIT).min(PATIENCE_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(groups: &[(usize, u64)], expected_jobs: usize, expected_patience_us: u64) {
        let mut pace = Pace::default();
        for (jobs, commit_us) in groups {
            pace.note(*jobs, Duration::from_micros(*commit_us));
        }
        let expected = Gathering {
            jobs: expected_jobs,
            patience: Duration::from_micros(expected_patience_us),
        };
        assert_eq!(pace.next(), expected, "after {groups:?}");
    }

    #[test]
    fn a_single_writer_is_never_kept_waiting() {
        check(&[], 1, 0);
        check(&[(1, 400), (1, 400)], 1, 100);
    }

    #[test]
    fn a_straggler_does_not_split_the_others() {
        check(&[(63, 400), (1, 400)], 63, 100);
    }

    #[test]
    fn a_lower_load_is_believed_after_two_groups() {
        check(&[(63, 400), (2, 400), (2, 400)], 2, 100);
    }

    #[test]
    fn patience_is_bounded() {
        check(&[(64, 1_000_000)], 64, 1000);
    }
}
