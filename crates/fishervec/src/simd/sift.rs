//! The inner loops of dense SIFT: gradients to orientations, weighted sums of rows, bins to descriptors.
//!
//! A pixel's gradient is eight numbers, one per orientation: a vector. So every convolution runs over
//! vectors.

use super::isa::Isa;
use super::vector::{LANES, Op, Simd, Vector, Vector8};

/// One number for each of the eight orientations.
pub(crate) type Orientations = [f32; LANES];

/// Bins along each side of a descriptor, and numbers in it.
pub(crate) const BINS: usize = 4;
pub(crate) const DESCRIPTOR: usize = BINS * BINS * LANES;

/// The gradients of a row of at least one pixel, from its neighbours `above` and `below`, which are `dy`
/// apart. Each gradient is split between the two orientations nearest to its own. At either end of the row
/// the difference is one-sided. Cost O(width).
pub(crate) fn gradients(
    above: &[f32],
    row: &[f32],
    below: &[f32],
    dy: f32,
    spare: &mut Vec<[f32; 2]>,
    out: &mut [Orientations],
) {
    Isa::active().run(Gradients { above, row, below, dy, spare, out });
}

/// out_i = sum_t weights_t rows_t,i. Cost O(rows out).
pub(crate) fn blend(rows: &[&[f32]], weights: &[f32], out: &mut [f32]) {
    Isa::active().run(Blend { rows, weights, out });
}

/// Descriptors at the columns 0, step, 2 step, ... of four `bands`: bin (i, j) is the sum of band i around
/// column x + j bin, weighted by `kernels[j]` (2 bin - 1 numbers); the bands begin bin - 1 columns before the
/// image. Each descriptor is divided by its norm, which `norms` receives, clipped at 0.2 and normalised
/// again. Cost O(out bin).
pub(crate) fn describe(
    bands: [&[Orientations]; BINS],
    kernels: &[Vec<f32>; BINS],
    step: usize,
    out: &mut [f32],
    norms: &mut [f32],
) {
    Isa::active().run(Describe { bands, kernels, step, out, norms });
}

/// See [`gradients`].
struct Gradients<'a> {
    above: &'a [f32],
    row: &'a [f32],
    below: &'a [f32],
    dy: f32,
    spare: &'a mut Vec<[f32; 2]>,
    out: &'a mut [Orientations],
}

impl Op for Gradients<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Gradients { above, row, below, dy, spare, out } = self;
        let width = row.len();
        spare.clear();
        spare.resize(width, [0.0; 2]);
        for ((polar, x), (above, below)) in
            spare[1..].iter_mut().zip(row.windows(3)).zip(above[1..].iter().zip(&below[1..]))
        {
            *polar = to_polar(0.5 * (x[2] - x[0]), (below - above) / dy);
        }
        for x in [0, width - 1] {
            let dx = row[(x + 1).min(width - 1)] - row[x.saturating_sub(1)];
            spare[x] = to_polar(dx, (below[x] - above[x]) / dy);
        }
        // 1 - the distance around the circle of eight, where that is above 0.
        let splat = |x: f32| S::F32x8::splat(simd, x);
        let (one, zero, minus) = (splat(1.0), splat(0.0), splat(-1.0));
        let numbers = S::F32x8::from_array(simd, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        for (out, [angle, size]) in out.iter_mut().zip(spare.iter()) {
            let difference = numbers.madd(minus, splat(*angle));
            let distance = difference.max(difference.mul(minus));
            let near = distance.madd(minus, one).max(distance.add(splat(-7.0)));
            *out = near.max(zero).mul(splat(*size)).to_array();
        }
    }
}

/// The squared norm below which a gradient or a descriptor counts as zero: a norm of a fortieth of a grey
/// level of 256, as in VLFeat. Without it flat areas would be described by rounding errors.
const FAINT: f32 = 1e-8;

/// The angle of a gradient, in eighths of a turn from 0 to 8, and its length. The angle is computed as in
/// VLFeat: by a polynomial of degree three, with an error of up to 0.01 radians.
#[inline(always)]
fn to_polar(x: f32, y: f32) -> [f32; 2] {
    use std::f32::consts::FRAC_PI_4;
    let height = y.abs() + f32::EPSILON;
    let left = x < 0.0;
    let (numerator, quarter) = if left { (x + height, 3.0 * FRAC_PI_4) } else { (x - height, FRAC_PI_4) };
    let ratio = numerator / if left { height - x } else { x + height };
    let angle = quarter + (0.1821 * ratio * ratio - 0.9675) * ratio;
    let turn = angle * (1.0 / FRAC_PI_4);
    [if y < 0.0 { 8.0 - turn } else { turn }, root(x * x + y * y)]
}

/// See [`blend`].
struct Blend<'a> {
    rows: &'a [&'a [f32]],
    weights: &'a [f32],
    out: &'a mut [f32],
}

impl Op for Blend<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        const FOUR: usize = 4 * LANES;
        let Blend { rows, weights, out } = self;
        let len = out.len();
        let (whole, rest) = out.as_chunks_mut::<FOUR>();
        for (at, to) in whole.iter_mut().enumerate() {
            let mut sums = [S::F32x8::splat(simd, 0.0); 4];
            for (row, weight) in rows.iter().zip(weights) {
                let row = row[at * FOUR..][..FOUR].as_chunks::<LANES>().0;
                let weight = S::F32x8::splat(simd, *weight);
                for i in 0..4 {
                    sums[i] = S::F32x8::from_array(simd, &row[i]).madd(weight, sums[i]);
                }
            }
            for (to, sum) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                *to = sum.to_array();
            }
        }
        let first = len - rest.len();
        for (i, to) in rest.iter_mut().enumerate() {
            *to = rows.iter().zip(weights).map(|(row, weight)| weight * row[first + i]).sum();
        }
    }
}

/// See [`describe`].
struct Describe<'a> {
    bands: [&'a [Orientations]; BINS],
    kernels: &'a [Vec<f32>; BINS],
    step: usize,
    out: &'a mut [f32],
    norms: &'a mut [f32],
}

impl Op for Describe<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Describe { bands, kernels, step, out, norms } = self;
        let splat = |x: f32| S::F32x8::splat(simd, x);
        let taps = kernels[0].len();
        let bin = taps.div_ceil(2);
        for ((descriptor, norm), x) in out.chunks_exact_mut(DESCRIPTOR).zip(norms).zip((0..).step_by(step)) {
            let mut bins = [splat(0.0); BINS * BINS];
            for (i, band) in bands.iter().enumerate() {
                for (j, kernel) in kernels.iter().enumerate() {
                    bins[i * BINS + j] = weighted_sum(simd, &band[x + j * bin..][..taps], kernel);
                }
            }
            let first = length(simd, &bins) + f32::EPSILON;
            *norm = first;
            for bin in &mut bins {
                // The smaller of two numbers is minus the larger of their opposites.
                let opposite = bin.mul(splat(-1.0 / first));
                *bin = opposite.max(splat(-0.2)).mul(splat(-1.0));
            }
            let second = 1.0 / (length(simd, &bins) + f32::EPSILON);
            for (to, bin) in descriptor.as_chunks_mut::<LANES>().0.iter_mut().zip(bins) {
                *to = bin.mul(splat(second)).to_array();
            }
        }
    }
}

/// The sum of the pixels, each times its weight. There are two partial sums, since each addition waits for
/// the one before.
#[inline(always)]
fn weighted_sum<S: Simd>(simd: S, pixels: &[Orientations], weights: &[f32]) -> S::F32x8 {
    let mut sums = [S::F32x8::splat(simd, 0.0); 2];
    let (pairs, last) = weights.as_chunks::<2>();
    let (pixels, end) = pixels.as_chunks::<2>();
    for (pixels, weights) in pixels.iter().zip(pairs) {
        for i in 0..2 {
            let weight = S::F32x8::splat(simd, weights[i]);
            sums[i] = S::F32x8::from_array(simd, &pixels[i]).madd(weight, sums[i]);
        }
    }
    for (pixel, weight) in end.iter().zip(last) {
        sums[0] = S::F32x8::from_array(simd, pixel).madd(S::F32x8::splat(simd, *weight), sums[0]);
    }
    sums[0].add(sums[1])
}

/// The norm of a descriptor.
#[inline(always)]
fn length<S: Simd>(simd: S, bins: &[S::F32x8; BINS * BINS]) -> f32 {
    let mut squares = [S::F32x8::splat(simd, 0.0); 2];
    for i in 0..BINS * BINS {
        squares[i % 2] = bins[i].madd(bins[i], squares[i % 2]);
    }
    root(squares[0].add(squares[1]).sum())
}

/// The square root; 0 of a square below [`FAINT`].
#[inline(always)]
fn root(square: f32) -> f32 {
    if square < FAINT { 0.0 } else { square.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A row of numbers from a seed.
    fn row(len: usize, seed: u64) -> Vec<f32> {
        let mut random = crate::util::rng::Random::new(seed);
        (0..len).map(|_| random.uniform() as f32 - 0.3).collect()
    }

    proptest! {
        #[test]
        fn every_isa_blends_and_describes_like_the_definition(
            (bin, step) in (1..6_usize, 1..5_usize),
            (frames, rest) in (0..9_usize, 0..4_usize),
            seed in any::<u64>(),
        ) {
            let width = if frames == 0 { 0 } else { (frames - 1) * step + 5 * bin - 1 + rest };
            let rows: Vec<Vec<f32>> = (0..BINS as u64).map(|i| row(width * LANES, seed ^ i)).collect();
            let weights = row(BINS, seed ^ 9);
            let kernels: [Vec<f32>; BINS] = std::array::from_fn(|j| row(2 * bin - 1, seed ^ (20 + j as u64)));
            let bands: [&[Orientations]; BINS] = std::array::from_fn(|i| rows[i].as_chunks().0);
            for isa in Isa::available() {
                let views: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
                let mut blended = vec![f32::NAN; width * LANES];
                isa.run(Blend { rows: &views, weights: &weights, out: &mut blended });
                for (i, got) in blended.iter().enumerate() {
                    let product = |(row, weight): (&Vec<f32>, &f32)| f64::from(row[i]) * f64::from(*weight);
                    let exact: f64 = rows.iter().zip(&weights).map(product).sum();
                    prop_assert!((f64::from(*got) - exact).abs() < 1e-6);
                }
                let (mut out, mut norms) = (vec![f32::NAN; frames * DESCRIPTOR], vec![f32::NAN; frames]);
                isa.run(Describe { bands, kernels: &kernels, step, out: &mut out, norms: &mut norms });
                for (frame, (got, norm)) in out.chunks(DESCRIPTOR).zip(&norms).enumerate() {
                    let mut exact = vec![0.0; DESCRIPTOR];
                    for (at, exact) in exact.iter_mut().enumerate() {
                        let (i, j, t) = (at / (BINS * LANES), at / LANES % BINS, at % LANES);
                        let pixels = &bands[i][frame * step + j * bin..];
                        let product = |(w, p): (&f32, &Orientations)| f64::from(*w) * f64::from(p[t]);
                        *exact = kernels[j].iter().zip(pixels).map(product).sum();
                    }
                    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
                    let first = length(&exact);
                    exact.iter_mut().for_each(|x| *x = (*x / first).min(0.2));
                    let second = length(&exact);
                    prop_assert!((f64::from(*norm) - first).abs() < 1e-5 * (1.0 + first));
                    for (got, exact) in got.iter().zip(&exact) {
                        let error = (f64::from(*got) - exact / second).abs();
                        prop_assert!(error < 1e-5, "{isa:?} {got} {exact}");
                    }
                }
            }
        }

        #[test]
        fn a_gradient_is_split_between_the_nearest_orientations(
            rows in prop::collection::vec(prop::array::uniform3(0.0..1.0_f32), 1..30)
        ) {
            let [above, row, below]: [Vec<f32>; 3] =
                std::array::from_fn(|i| rows.iter().map(|r| r[i]).collect());
            for isa in Isa::available() {
                let mut out = vec![[f32::NAN; LANES]; row.len()];
                let spare = &mut Vec::new();
                isa.run(Gradients { above: &above, row: &row, below: &below, dy: 2.0, spare, out: &mut out });
                for (x, out) in out.iter().enumerate() {
                    let (left, right) = (x.saturating_sub(1), (x + 1).min(row.len() - 1));
                    let apart = if right - left == 2 { 2.0 } else { 1.0 };
                    let (dx, dy) = ((row[right] - row[left]) / apart, (below[x] - above[x]) / 2.0);
                    let angle = dy.atan2(dx).rem_euclid(std::f32::consts::TAU) * 4.0 / std::f32::consts::PI;
                    let size = dx.hypot(dy);
                    for (t, got) in out.iter().enumerate() {
                        let apart = (angle - t as f32).abs();
                        let exact = size * (1.0 - apart.min(8.0 - apart)).max(0.0);
                        // The angle is approximate: 0.01 radians are 0.013 of an orientation. A gradient of
                        // less than 1e-4 counts as none.
                        let most = if size < 1.001e-4 { size } else { 0.014 * size } + 1e-6;
                        prop_assert!((got - exact).abs() < most, "{isa:?} {x} {t} {got} {exact}");
                    }
                }
            }
        }
    }
}
