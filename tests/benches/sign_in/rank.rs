//! The rank test of Mann and Whitney.

/// What the test found.
pub(crate) struct Outcome {
    /// Pairs in which the first kind was the greater one; ties count one half.
    pub(crate) u: f64,
    /// The same as a share of all pairs: one half when they cannot be told apart.
    pub(crate) share: f64,
    /// How often chance alone makes at least such a difference, in either direction.
    pub(crate) p: f64,
}

/// Whether values of one kind tend to be greater than those of another.
///
/// By the normal approximation with a correction for ties and for continuity, which for hundreds of
/// samples is as good as exact.
pub(crate) fn mann_whitney(one: &[f64], other: &[f64]) -> Outcome {
    let mut all: Vec<(f64, bool)> = one.iter().map(|&value| (value, true)).collect();
    all.extend(other.iter().map(|&value| (value, false)));
    all.sort_by(|(a, _), (b, _)| a.total_cmp(b));

    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|(a, _), (b, _)| a == b) {
        let size = group.len() as f64;
        let rank = before + (size + 1.0) / 2.0;
        rank_sum += rank * group.iter().filter(|(_, first)| *first).count() as f64;
        ties += size.powi(3) - size;
        before += size;
    }
    let (n, m) = (one.len() as f64, other.len() as f64);
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    let z = if variance > 0.0 {
        distance / variance.sqrt()
    } else {
        0.0
    };
    Outcome {
        u,
        share: u / (n * m),
        p: erfc(z / std::f64::consts::SQRT_2).min(1.0),
    }
}

/// The value below which `share` of all values are.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (share * (sorted.len() - 1) as f64).round() as usize;
    sorted[index]
}

/// Abramowitz and Stegun, 7.1.26: off by less than 1.5e-7.
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let polynomial = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    polynomial * (-x * x).exp()
}
