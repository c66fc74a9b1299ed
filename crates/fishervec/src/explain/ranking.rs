//! Which shares are the largest.

/// The rows of the `n` largest shares above zero, the largest first, and of the `n` smallest below zero, the
/// smallest first; of equals the first.
///
/// Cost O(N log N).
#[must_use]
pub fn loudest(shares: &[f64], n: usize) -> [Vec<usize>; 2] {
    let of = |sign: f64| {
        let mut rows: Vec<usize> = (0..shares.len()).filter(|row| sign * shares[*row] > 0.0).collect();
        rows.sort_by(|a, b| (sign * shares[*b]).total_cmp(&(sign * shares[*a])).then(a.cmp(b)));
        rows.truncate(n);
        rows
    };
    [of(1.0), of(-1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_come_first_on_either_side() {
        assert_eq!(loudest(&[0.5, -2.0, 3.0, 0.0, 3.0, -1.0], 2), [vec![2, 4], vec![1, 5]]);
        assert_eq!(loudest(&[], 2), [const { Vec::<usize>::new() }; 2]);
    }
}
