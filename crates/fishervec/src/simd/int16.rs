//! Products of 16-bit integers: exact, hence the same on every instruction set.

use super::isa::Isa;
use super::vector::{Op, PairSums, Simd};

/// Rows of a panel.
pub(crate) const PANEL: usize = 32;

/// Two 16-bit integers side by side.
pub(crate) fn pair(first: i16, second: i16) -> u32 {
    u32::from(first as u16) | u32::from(second as u16) << 16
}

/// How many components the next tile of the product has where `left` are left: at most six, since six sums of
/// two vectors each fill the registers. The matrix is laid out by tiles, and in a tile by columns.
fn tile_of(left: usize) -> usize {
    [6, 4, 2].into_iter().find(|tile| *tile <= left).unwrap_or(1)
}

/// The first component and the size of the tile that holds component `c` of `k`.
pub(crate) fn tile_with(c: usize, k: usize) -> (usize, usize) {
    let mut tile = 0;
    while tile + tile_of(k - tile) <= c {
        tile += tile_of(k - tile);
    }
    (tile, tile_of(k - tile))
}

/// Sums of products, shape (K, 32 rows): of `columns` (depth / 2 pairs, 32 rows) with `matrix` (K, depth / 2
/// pairs) laid out by tiles. No sum may overflow an `i32`. Cost O(K depth).
pub(crate) fn product(isa: Isa, matrix: &[u32], columns: &[[u32; PANEL]], sums: &mut [[i32; PANEL]]) {
    isa.run(Product { matrix, columns, sums });
}

struct Product<'a> {
    matrix: &'a [u32],
    columns: &'a [[u32; PANEL]],
    sums: &'a mut [[i32; PANEL]],
}

impl Op for Product<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Product { matrix, columns, sums } = self;
        let mut k = 0;
        while k < sums.len() {
            let tile = tile_of(sums.len() - k);
            let matrix = &matrix[k * columns.len()..][..tile * columns.len()];
            let sums = &mut sums[k..][..tile];
            for first in (0..PANEL).step_by(2 * S::I32s::LEN) {
                match tile {
                    6 => one_tile::<S, 6>(simd, matrix, columns, sums, first),
                    4 => one_tile::<S, 4>(simd, matrix, columns, sums, first),
                    2 => one_tile::<S, 2>(simd, matrix, columns, sums, first),
                    _ => one_tile::<S, 1>(simd, matrix, columns, sums, first),
                }
            }
            k += tile;
        }
    }
}

/// The sums of `R` components and two vectors of rows, from row `first` on.
#[inline(always)]
fn one_tile<S: Simd, const R: usize>(
    simd: S,
    matrix: &[u32],
    columns: &[[u32; PANEL]],
    sums: &mut [[i32; PANEL]],
    first: usize,
) {
    let mut tile = [[S::I32s::splat(simd, 0); 2]; R];
    for (column, weights) in columns.iter().zip(matrix.as_chunks::<R>().0) {
        let (low, high) = column[first..][..2 * S::I32s::LEN].split_at(S::I32s::LEN);
        let rows = [S::I32s::from_slice(simd, low), S::I32s::from_slice(simd, high)];
        for r in 0..R {
            let weights = S::I32s::splat(simd, weights[r]);
            for w in 0..2 {
                tile[r][w] = tile[r][w].add_products(rows[w], weights);
            }
        }
    }
    for (tile, sums) in tile.iter().zip(sums) {
        for (tile, sums) in tile.iter().zip(sums[first..].chunks_exact_mut(S::I32s::LEN)) {
            tile.copy_to_slice(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_isa_sums_the_products(k in 0..30_usize, pairs in 0..40_usize, seed in any::<u64>()) {
            let mut random = crate::util::rng::Random::new(seed);
            let mut integer = |largest: u64| (random.below(2 * largest + 1) as i32 - largest as i32) as i16;
            let weights: Vec<Vec<[i16; 2]>> =
                (0..k).map(|_| (0..pairs).map(|_| [integer(8191), integer(8191)]).collect()).collect();
            let rows: Vec<Vec<[i16; 2]>> =
                (0..PANEL).map(|_| (0..pairs).map(|_| [integer(3276), integer(3276)]).collect()).collect();
            let mut matrix = vec![0; k * pairs];
            for c in 0..k {
                let (tile, of_tile) = tile_with(c, k);
                for (column, [first, second]) in weights[c].iter().enumerate() {
                    matrix[tile * pairs + column * of_tile + c - tile] = pair(*first, *second);
                }
            }
            let columns: Vec<[u32; PANEL]> =
                (0..pairs).map(|j| std::array::from_fn(|n| pair(rows[n][j][0], rows[n][j][1]))).collect();
            let exact = |c: usize, n: usize| {
                let (weights, row) = (weights[c].as_flattened(), rows[n].as_flattened());
                weights.iter().zip(row).map(|(p, u)| i64::from(*p) * i64::from(*u)).sum::<i64>()
            };
            for isa in Isa::available() {
                let mut sums = vec![[1; PANEL]; k];
                product(isa, &matrix, &columns, &mut sums);
                for (c, sums) in sums.iter().enumerate() {
                    for (n, sum) in sums.iter().enumerate() {
                        prop_assert_eq!(i64::from(*sum), exact(c, n), "{:?} component {} row {}", isa, c, n);
                    }
                }
            }
        }
    }
}
