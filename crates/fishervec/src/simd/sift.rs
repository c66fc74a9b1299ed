//! The inner loops of dense SIFT: gradients to orientations, weighted sums of rows, bins to descriptors.
//!
//! A pixel's gradient is eight numbers, one an orientation: a vector. So every convolution runs over vectors.

use super::isa::at_level;
use super::vector::Lanes;
use super::{Isa, LANES, Real};

/// One number for each of the eight orientations.
pub(crate) type Orientations = [f32; LANES];

/// Bins along each side of a descriptor, and numbers in it.
pub(crate) const BINS: usize = 4;
pub(crate) const DESCRIPTOR: usize = BINS * BINS * LANES;

/// The gradients of a row of at least one pixel between its neighbours `above` and `below`, `dy` apart, each shared out among
/// the two orientations next to its own. At either end of the row the difference is one-sided. Cost O(width).
pub(crate) fn gradients(
    above: &[f32],
    row: &[f32],
    below: &[f32],
    dy: f32,
    spare: &mut Vec<[f32; 2]>,
    out: &mut [Orientations],
) {
    gradient_row::<f32>(Isa::active(), above, row, below, dy, spare, out);
}

/// out_i = sum_t weights_t rows_t,i. Cost O(rows out).
pub(crate) fn blend(rows: &[&[f32]], weights: &[f32], out: &mut [f32]) {
    blend_rows::<f32>(Isa::active(), rows, weights, out);
}

/// Descriptors at the columns 0, step, 2 step, ... of four `bands`: bin (i, j) is the sum of band i around column
/// x + j bin, weighted by `kernels[j]` (2 bin - 1 numbers); the bands begin bin - 1 columns before the image.
/// Each is divided by its norm, cut off at 0.2 and divided by its norm again; `norms` gets the first. Cost O(out bin).
pub(crate) fn describe(
    bands: [&[Orientations]; BINS],
    kernels: &[Vec<f32>; BINS],
    step: usize,
    out: &mut [f32],
    norms: &mut [f32],
) {
    describe_row::<f32>(Isa::active(), bands, kernels, step, out, norms);
}

at_level!(fn gradient_row = gradient_body(
    above: &[f32], row: &[f32], below: &[f32], dy: f32, spare: &mut Vec<[f32; 2]>, out: &mut [Orientations]));
at_level!(fn blend_rows = blend_body(rows: &[&[f32]], weights: &[f32], out: &mut [f32]));
at_level!(fn describe_row = describe_body(
    bands: [&[Orientations]; BINS], kernels: &[Vec<f32>; BINS], step: usize, out: &mut [f32], norms: &mut [f32]));

#[inline(always)]
fn gradient_body<F: Real, V: Lanes<F>, const FMA: bool>(
    above: &[f32],
    row: &[f32],
    below: &[f32],
    dy: f32,
    spare: &mut Vec<[f32; 2]>,
    out: &mut [Orientations],
) {
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
    let (one, zero) = (V::Single::splat(1.0), V::Single::splat(0.0));
    let numbers = V::Single::load(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    let minus = V::Single::splat(-1.0);
    for (out, [angle, size]) in out.iter_mut().zip(spare.iter()) {
        let difference = numbers.madd::<FMA>(minus, V::Single::splat(*angle));
        let distance = difference.max(difference.mul(minus));
        let near = distance.madd::<FMA>(minus, one).max(distance.add(V::Single::splat(-7.0)));
        *out = near.max(zero).mul(V::Single::splat(*size)).store();
    }
}

/// The square of a gradient, or of a descriptor, that counts as none: a fortieth of a grey level of 256. So it is in VLFeat, and
/// without it flat areas are described by what rounding left of them.
const FAINT: f32 = 1e-8;

/// The angle of a gradient, in eighths of a turn from 0 to 8, and its length. The angle is that of VLFeat: a polynomial
/// of degree three, off by up to 0.01 radians.
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

#[inline(always)]
fn blend_body<F: Real, V: Lanes<F>, const FMA: bool>(rows: &[&[f32]], weights: &[f32], out: &mut [f32]) {
    const TOGETHER: usize = 4 * LANES;
    let len = out.len();
    let (blocks, rest) = out.as_chunks_mut::<TOGETHER>();
    for (b, block) in blocks.iter_mut().enumerate() {
        let mut sums = [V::Single::splat(0.0); 4];
        for (row, weight) in rows.iter().zip(weights) {
            let row = row[b * TOGETHER..][..TOGETHER].as_chunks::<LANES>().0;
            let weight = V::Single::splat(*weight);
            for i in 0..4 {
                sums[i] = V::Single::load(&row[i]).madd::<FMA>(weight, sums[i]);
            }
        }
        for (to, sum) in block.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
            *to = sum.store();
        }
    }
    let first = len - rest.len();
    for (i, to) in rest.iter_mut().enumerate() {
        *to = rows.iter().zip(weights).map(|(row, weight)| weight * row[first + i]).sum();
    }
}

#[inline(always)]
fn describe_body<F: Real, V: Lanes<F>, const FMA: bool>(
    bands: [&[Orientations]; BINS],
    kernels: &[Vec<f32>; BINS],
    step: usize,
    out: &mut [f32],
    norms: &mut [f32],
) {
    let taps = kernels[0].len();
    let bin = taps.div_ceil(2);
    for ((descriptor, norm), x) in out.chunks_exact_mut(DESCRIPTOR).zip(norms).zip((0..).step_by(step)) {
        let mut bins = [V::Single::splat(0.0); BINS * BINS];
        for (i, band) in bands.iter().enumerate() {
            for (j, kernel) in kernels.iter().enumerate() {
                // Two sums, since each waits for the one before.
                let mut sums = [V::Single::splat(0.0); 2];
                let (kernel, last) = kernel.as_chunks::<2>();
                let at = &band[x + j * bin..][..taps];
                let (pixels, end) = at.as_chunks::<2>();
                for (pixels, weights) in pixels.iter().zip(kernel) {
                    for w in 0..2 {
                        sums[w] =
                            V::Single::load(&pixels[w]).madd::<FMA>(V::Single::splat(weights[w]), sums[w]);
                    }
                }
                for (pixel, weight) in end.iter().zip(last) {
                    sums[0] = V::Single::load(pixel).madd::<FMA>(V::Single::splat(*weight), sums[0]);
                }
                bins[i * BINS + j] = sums[0].add(sums[1]);
            }
        }
        let first = length::<V::Single, FMA>(&bins) + f32::EPSILON;
        *norm = first;
        for bin in &mut bins {
            // The smaller is minus the larger of the opposites.
            let opposite = bin.mul(V::Single::splat(-1.0 / first));
            *bin = opposite.max(V::Single::splat(-0.2)).mul(V::Single::splat(-1.0));
        }
        let second = 1.0 / (length::<V::Single, FMA>(&bins) + f32::EPSILON);
        for (to, bin) in descriptor.as_chunks_mut::<LANES>().0.iter_mut().zip(bins) {
            *to = bin.mul(V::Single::splat(second)).store();
        }
    }
}

/// The norm of a descriptor.
#[inline(always)]
fn length<V: Lanes<f32>, const FMA: bool>(bins: &[V; BINS * BINS]) -> f32 {
    let mut squares = [V::splat(0.0); 2];
    for i in 0..BINS * BINS {
        squares[i % 2] = bins[i].madd::<FMA>(bins[i], squares[i % 2]);
    }
    root(squares[0].add(squares[1]).sum())
}

/// The square root, 0 of what is faint.
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
        fn every_level_blends_and_describes_alike(
            bin in 1..6_usize, step in 1..5_usize, frames in 0..9_usize, rest in 0..4_usize, seed in any::<u64>()
        ) {
            let width = if frames == 0 { 0 } else { (frames - 1) * step + 5 * bin - 1 + rest };
            let rows: Vec<Vec<f32>> = (0..BINS as u64).map(|i| row(width * LANES, seed ^ i)).collect();
            let weights = row(BINS, seed ^ 9);
            let kernels: [Vec<f32>; BINS] = std::array::from_fn(|j| row(2 * bin - 1, seed ^ (20 + j as u64)));
            let bands: [&[Orientations]; BINS] = std::array::from_fn(|i| rows[i].as_chunks().0);
            for level in Isa::available() {
                let views: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
                let mut blended = vec![f32::NAN; width * LANES];
                blend_rows::<f32>(level, &views, &weights, &mut blended);
                for (i, got) in blended.iter().enumerate() {
                    let exact: f64 = rows.iter().zip(&weights).map(|(r, w)| f64::from(r[i]) * f64::from(*w)).sum();
                    prop_assert!((f64::from(*got) - exact).abs() < 1e-6);
                }
                let (mut out, mut norms) = (vec![f32::NAN; frames * DESCRIPTOR], vec![f32::NAN; frames]);
                describe_row::<f32>(level, bands, &kernels, step, &mut out, &mut norms);
                for (frame, (got, norm)) in out.chunks(DESCRIPTOR).zip(&norms).enumerate() {
                    let mut exact = vec![0.0; DESCRIPTOR];
                    for (at, exact) in exact.iter_mut().enumerate() {
                        let (i, j, t) = (at / (BINS * LANES), at / LANES % BINS, at % LANES);
                        let pixels = &bands[i][frame * step + j * bin..];
                        *exact = kernels[j].iter().zip(pixels).map(|(w, p)| f64::from(*w) * f64::from(p[t])).sum();
                    }
                    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
                    let first = length(&exact);
                    exact.iter_mut().for_each(|x| *x = (*x / first).min(0.2));
                    let second = length(&exact);
                    prop_assert!((f64::from(*norm) - first).abs() < 1e-5 * (1.0 + first));
                    for (got, exact) in got.iter().zip(&exact) {
                        prop_assert!((f64::from(*got) - exact / second).abs() < 1e-5, "{level:?} {got} {exact}");
                    }
                }
            }
        }

        #[test]
        fn a_gradient_goes_to_the_orientations_next_to_its_own(
            rows in prop::collection::vec(prop::array::uniform3(0.0..1.0_f32), 1..30)
        ) {
            let [above, row, below]: [Vec<f32>; 3] = std::array::from_fn(|i| rows.iter().map(|r| r[i]).collect());
            for level in Isa::available() {
                let mut out = vec![[f32::NAN; LANES]; row.len()];
                gradient_row::<f32>(level, &above, &row, &below, 2.0, &mut Vec::new(), &mut out);
                for (x, out) in out.iter().enumerate() {
                    let (left, right) = (x.saturating_sub(1), (x + 1).min(row.len() - 1));
                    let apart = if right - left == 2 { 2.0 } else { 1.0 };
                    let (dx, dy) = ((row[right] - row[left]) / apart, (below[x] - above[x]) / 2.0);
                    let angle = dy.atan2(dx).rem_euclid(std::f32::consts::TAU) * 4.0 / std::f32::consts::PI;
                    let size = dx.hypot(dy);
                    for (t, got) in out.iter().enumerate() {
                        let apart = (angle - t as f32).abs();
                        let exact = size * (1.0 - apart.min(8.0 - apart)).max(0.0);
                        // The angle is approximate: 0.01 radians are 0.013 of an orientation.
                        prop_assert!((got - exact).abs() < 0.014 * size + 1e-6, "{level:?} {x} {t} {got} {exact}");
                    }
                }
            }
        }
    }
}
