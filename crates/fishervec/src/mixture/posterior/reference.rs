//! The naive oracle every instruction set is tested against: the formulas of the Fisher vector's
//! sufficient statistics, in `f64`, one row and one component at a time.

use super::{Kernel, Scratch, Sums};
use crate::data::{Descriptors, OwnedDescriptors, Source};
use crate::simd::{Isa, Real};
use ndarray::{Array1, Array2};
use proptest::prelude::*;

/// S0, sum q z, sum q z^2 and the log-likelihood of each row, without threshold.
struct Oracle {
    s0: Vec<f64>,
    z1: Vec<f64>,
    z2: Vec<f64>,
    log_likelihood: Vec<f64>,
}

#[derive(Debug)]
struct Mixture {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array2<f64>,
}

impl Mixture {
    fn oracle<F: Real>(&self, rows: &Descriptors<'_, F>) -> Oracle {
        let (k, d) = self.means.dim();
        let mut oracle =
            Oracle { s0: vec![0.0; k], z1: vec![0.0; k * d], z2: vec![0.0; k * d], log_likelihood: vec![] };
        for (n, x) in rows.rows().outer_iter().enumerate() {
            let z =
                |c: usize, j: usize| (x[j].to_f64() - self.means[[c, j]]) / self.covariances[[c, j]].sqrt();
            let log_density = |c: usize| {
                let normal = |j: usize| {
                    -0.5 * ((std::f64::consts::TAU * self.covariances[[c, j]]).ln() + z(c, j).powi(2))
                };
                self.weights[c].ln() + (0..d).map(normal).sum::<f64>()
            };
            let logs: Vec<f64> = (0..k).map(log_density).collect();
            let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = logs.iter().map(|l| (l - best).exp()).sum();
            oracle.log_likelihood.push(best + total.ln());
            let weight = rows.weights().map_or(1.0, |weights| weights[n]);
            for (c, log) in logs.iter().enumerate() {
                let q = weight * (log - best).exp() / total;
                oracle.s0[c] += q;
                for j in 0..d {
                    oracle.z1[c * d + j] += q * z(c, j);
                    oracle.z2[c * d + j] += q * z(c, j).powi(2);
                }
            }
        }
        oracle
    }

    fn kernel<F: Real>(&self) -> Kernel<F> {
        Kernel::new(self.weights.view(), self.means.view(), self.covariances.view())
    }
}

/// A random case: K components, D columns, n rows around them, with weights; variances over `decades`.
fn case(decades: f64) -> impl Strategy<Value = (Mixture, Array2<f64>, Vec<f64>)> {
    (1..20_usize, 1..40_usize, 0..70_usize, prop::bool::ANY, -4.0..4.0_f64, any::<u64>()).prop_map(
        move |(k, d, n, shared, scale, seed)| {
            let mut random = crate::util::rng::Random::new(seed);
            let unit = 10.0_f64.powf(scale);
            let mut weights = Array1::from_shape_fn(k, |_| random.uniform() + 0.05);
            if k > 2 {
                weights[1] = 0.0;
            }
            weights /= weights.sum();
            let means = Array2::from_shape_fn((k, d), |_| unit * (10.0 + random.normal()));
            let one = unit * unit * (0.2 + random.uniform());
            let covariances = Array2::from_shape_fn((k, d), |_| match shared {
                true => one,
                false => one * (0.1 + random.uniform()) * 10.0_f64.powf(-decades * random.uniform()),
            });
            let rows = Array2::from_shape_fn((n, d), |_| unit * (10.0 + 1.5 * random.normal()));
            let row_weights = (0..n).map(|i| if i % 5 == 3 { 0.0 } else { random.uniform() }).collect();
            (Mixture { weights, means, covariances }, rows, row_weights)
        },
    )
}

/// Scratch memory of each instruction set, which computes every pair or lists the selected ones.
fn ways<F: Real>() -> impl Iterator<Item = (String, Scratch<F>)> {
    Isa::available().into_iter().flat_map(|isa| {
        [("dense", -1.0), ("listed", 1.0)].map(|(way, most_listed)| {
            let mut scratch = Scratch::with_isa(isa);
            scratch.most_listed = Some(most_listed);
            (format!("{isa:?} {way}"), scratch)
        })
    })
}

/// Runs a kernel over all rows, each way, and compares with the oracle, relative to the size of the whole.
fn compare<F: Real>(mixture: &Mixture, rows: &Array2<f64>, weights: &[f64], tolerance: f64) {
    let (k, d) = mixture.means.dim();
    let values: Vec<F> = rows.iter().map(|x| F::from_f64(*x)).collect();
    let sample = OwnedDescriptors::new(values, d, Some(weights.to_vec())).unwrap();
    let (source, kernel) = (sample.view(), mixture.kernel::<F>());
    let oracle = mixture.oracle(&source);
    for (way, mut scratch) in ways::<F>() {
        let (mut s0, mut z1, mut z2) = (vec![0.0; k], vec![0.0; k * d], vec![0.0; k * d]);
        let mut log_likelihood = vec![];
        // Blocks of one panel and of two.
        for start in (0..rows.nrows()).step_by(37) {
            let block = start..rows.nrows().min(start + 37);
            scratch.posteriors(&kernel, &source, block.clone(), 0.0).unwrap();
            log_likelihood.extend(scratch.rows().map(|row| row.log_likelihood));
            let mut sums = Sums { s0: &mut s0, z1: &mut z1, z2: &mut z2 };
            scratch.accumulate(&kernel, Some(&weights[block]), &mut sums);
        }
        let close = |what: &str, got: &[f64], expected: &[f64]| {
            let size = expected.iter().fold(1.0_f64, |size, x| size.max(x.abs()));
            for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
                let error = (got - expected).abs() / size;
                assert!(error <= tolerance, "{way} {what}[{i}]: {got} for {expected}, error {error:e}");
            }
        };
        close("S0", &s0, &oracle.s0);
        close("Z1", &z1, &oracle.z1);
        close("Z2", &z2, &oracle.z2);
        close("log-likelihood", &log_likelihood, &oracle.log_likelihood);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_isa_equals_the_oracle((mixture, rows, weights) in case(0.0)) {
        compare::<f64>(&mixture, &rows, &weights, 1e-12);
        compare::<f32>(&mixture, &rows, &weights, 2e-5);
    }

    /// The screening only selects: what is kept is exactly what lies above the threshold.
    #[test]
    fn the_threshold_keeps_what_the_oracle_keeps((mixture, rows, _) in case(0.0), exponent in 0..9_i32) {
        keeps_what_the_oracle_keeps(&mixture, &rows, 10.0_f64.powi(-exponent));
    }

    /// Also where the components' scales have nothing in common.
    #[test]
    fn the_threshold_holds_over_decades((mixture, rows, _) in case(8.0), exponent in 0..9_i32) {
        keeps_what_the_oracle_keeps(&mixture, &rows, 10.0_f64.powi(-exponent));
    }
}

fn keeps_what_the_oracle_keeps(mixture: &Mixture, rows: &Array2<f64>, threshold: f64) {
    let source = Descriptors::new(rows.view());
    let kernel = mixture.kernel::<f64>();
    for (way, mut scratch) in ways() {
        scratch.posteriors(&kernel, &source, 0..rows.nrows(), 0.0).unwrap();
        let mut all = Array2::zeros((rows.nrows(), mixture.weights.len()));
        scratch.pairs().for_each(|(k, n, q)| all[[n, k]] = q);
        scratch.posteriors(&kernel, &source, 0..rows.nrows(), threshold).unwrap();
        let mut kept = Array2::zeros(all.dim());
        scratch.pairs().for_each(|(k, n, q)| kept[[n, k]] = q);
        for (kept, all) in kept.outer_iter().zip(all.outer_iter()) {
            let best = all.iter().copied().fold(0.0, f64::max);
            let above = |q: f64| if q >= threshold * best { q } else { 0.0 };
            let total: f64 = all.iter().map(|q| above(*q)).sum();
            for (kept, q) in kept.iter().zip(all) {
                assert!((kept - above(*q) / total).abs() < 1e-12, "{way} {kept} {q} {best}");
            }
        }
    }
}

#[test]
fn a_threshold_of_one_keeps_the_first_of_equals() {
    let mixture = Mixture {
        weights: Array1::from_elem(4, 0.25),
        means: ndarray::array![[5.0], [1.0], [1.0], [-3.0]],
        covariances: Array2::from_elem((4, 1), 1.0),
    };
    let rows = ndarray::array![[0.9_f64], [4.0], [3.0]];
    let mut scratch = Scratch::default();
    scratch.posteriors(&mixture.kernel(), &Descriptors::new(rows.view()), 0..3, 1.0).unwrap();
    let winners: Vec<_> = scratch.pairs().filter(|(_, _, q)| *q > 0.0).collect();
    assert_eq!(winners, [(0, 1, 1.0), (0, 2, 1.0), (1, 0, 1.0)]);
}
