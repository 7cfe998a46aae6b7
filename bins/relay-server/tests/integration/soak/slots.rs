//! Telling lost and doubled probes from the timestamps of a monitor, which are whole seconds.

/// What is wrong with a series of probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Faults {
    /// Due times without a probe.
    pub(crate) lost: i64,
    /// Probes beyond the first of a due time.
    pub(crate) doubled: i64,
}

impl Faults {
    /// Returns how many there are.
    pub(crate) fn count(self) -> i64 {
        self.lost + self.doubled
    }
}

/// Compares the seconds in which probes started, oldest first, with due times `interval` seconds apart, at least 2.
///
/// A probe that starts less than a second late stands in the second of its due time or in the next one. With two
/// seconds or more between due times no second belongs to two of them, so each probe tells its due time exactly. Which
/// second is the first of the two is not known: the better of all guesses counts.
pub(crate) fn faults(seconds: &[i64], interval: i64) -> Faults {
    assert!(interval >= 2, "seconds do not tell due times apart");
    let of = |offset: i64| {
        seconds.windows(2).fold(Faults::default(), |mut faults, pair| {
            let [before, after] = [pair[0], pair[1]].map(|second| (second - offset).div_euclid(interval));
            faults.lost += (after - before - 1).max(0);
            faults.doubled += (before - after + 1).max(0);
            faults
        })
    };
    (0..interval).map(of).min_by_key(|faults| faults.count()).unwrap_or_default()
}

#[test]
fn probes_on_time_and_a_little_late_have_no_faults() {
    assert_eq!(faults(&[], 2).count(), 0);
    assert_eq!(faults(&[7], 2).count(), 0);
    assert_eq!(faults(&[100, 102, 104, 106, 108], 2), Faults::default());
    assert_eq!(faults(&[100, 103, 104, 107, 108], 2), Faults::default());
    assert_eq!(faults(&[101, 102, 105, 106, 109], 2), Faults::default());
    assert_eq!(faults(&[100, 105, 111, 115], 5), Faults::default());
}

#[test]
fn a_lost_or_doubled_probe_is_counted_wherever_it_is() {
    let series: Vec<i64> = (0..20).map(|k| 1000 + 2 * k + i64::from(k % 7 == 3)).collect();
    for at in 1..19 {
        let mut lost = series.clone();
        lost.remove(at);
        assert_eq!(faults(&lost, 2), Faults { lost: 1, doubled: 0 }, "without {at}");
        for shift in 0..2 {
            let mut doubled = series.clone();
            doubled.insert(at + 1, 1000 + 2 * (at as i64) + shift);
            doubled.sort_unstable();
            assert_eq!(faults(&doubled, 2), Faults { lost: 0, doubled: 1 }, "{at} again, {shift} s later");
        }
    }
}

#[test]
fn a_schedule_that_moves_shows() {
    let moved_twice = [100, 102, 104, 105, 107, 109, 110, 112];
    assert_eq!(faults(&moved_twice, 2), Faults { lost: 0, doubled: 1 });
    let slower: Vec<i64> = (0..10).map(|k| 100 + 3 * k).collect();
    assert!(faults(&slower, 2).lost >= 4);
}
