//! Values of many rounds, and what to say of them.

use std::time::Duration;

/// One value for each round, in the rounds' order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// The median of each round's ratio: what slows a whole round down does not show in it.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// The least and the greatest.
    pub(crate) fn span(&self) -> (f64, f64) {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least, greatest)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The value below which `share` of the sorted `values` lie.
pub(crate) fn quantile(values: &[Duration], share: f64) -> Duration {
    let rank = (share * values.len() as f64).ceil() as usize;
    let at = rank.clamp(1, values.len().max(1)) - 1;
    values.get(at).copied().unwrap_or_default()
}

/// Calls `measure` for each of `n` things in each round, in another order each time, after one
/// round that only warms caches up and whose `round` is `None`.
pub(crate) fn in_turns(
    n_rounds: usize,
    n: usize,
    mut measure: impl FnMut(Option<usize>, usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for round in std::iter::once(None).chain((0..n_rounds).map(Some)) {
        let first = round.unwrap_or(0);
        for turn in 0..n {
            measure(round, (first + turn) % n)?;
        }
    }
    Ok(())
}
