//! Products of 16-bit integers: exact, hence the same on every level.

use super::Isa;

/// Rows of a panel.
pub(crate) const PANEL: usize = 32;

/// Two 16-bit integers side by side.
pub(crate) fn pair(first: i16, second: i16) -> u32 {
    u32::from(first as u16) | u32::from(second as u16) << 16
}

/// Components that a tile of the product takes together where `left` are left: six sums of two vectors fill the
/// registers. The matrix is laid out by tiles, and in a tile by columns.
fn tile_of(left: usize) -> usize {
    [6, 4, 2].into_iter().find(|tile| *tile <= left).unwrap_or(1)
}

/// The first component, and the size, of the tile that component `c` of `k` is in.
pub(crate) fn tile_with(c: usize, k: usize) -> (usize, usize) {
    let mut tile = 0;
    while tile + tile_of(k - tile) <= c {
        tile += tile_of(k - tile);
    }
    (tile, tile_of(k - tile))
}

/// Sums of products, shape (K, 32 rows): of `columns` (depth / 2 pairs, 32 rows) with `matrix` (K, depth / 2 pairs)
/// laid out by tiles. No sum may leave an `i32`. Cost O(K depth).
pub(crate) fn product(level: Isa, matrix: &[u32], columns: &[[u32; PANEL]], sums: &mut [[i32; PANEL]]) {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::available` names this level only where the processor was seen to have these features.
        Isa::Avx512 => unsafe { x86::avx512(matrix, columns, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx2 => unsafe { x86::avx2(matrix, columns, sums) },
        _ => tiles::<[i32; 8]>(matrix, columns, sums),
    }
}

/// 32-bit sums, a register full.
trait Integers: Copy {
    const ZERO: Self;
    /// Lanes.
    const LEN: usize;
    fn load(from: &[u32]) -> Self;
    fn splat(pair: u32) -> Self;
    /// Adds the products of the two 16-bit integers of each lane.
    fn add_products(self, a: Self, b: Self) -> Self;
    fn store(self, to: &mut [i32]);
}

#[inline(always)]
fn tiles<I: Integers>(matrix: &[u32], columns: &[[u32; PANEL]], sums: &mut [[i32; PANEL]]) {
    let mut k = 0;
    while k < sums.len() {
        let tile = tile_of(sums.len() - k);
        let matrix = &matrix[k * columns.len()..][..tile * columns.len()];
        let sums = &mut sums[k..][..tile];
        for first in (0..PANEL).step_by(2 * I::LEN) {
            match tile {
                6 => one_tile::<I, 6>(matrix, columns, sums, first),
                4 => one_tile::<I, 4>(matrix, columns, sums, first),
                2 => one_tile::<I, 2>(matrix, columns, sums, first),
                _ => one_tile::<I, 1>(matrix, columns, sums, first),
            }
        }
        k += tile;
    }
}

/// The sums of `R` components and two vectors of rows, from row `first` on.
#[inline(always)]
fn one_tile<I: Integers, const R: usize>(
    matrix: &[u32],
    columns: &[[u32; PANEL]],
    sums: &mut [[i32; PANEL]],
    first: usize,
) {
    let mut tile = [[I::ZERO; 2]; R];
    for (column, weights) in columns.iter().zip(matrix.as_chunks::<R>().0) {
        let (low, high) = column[first..][..2 * I::LEN].split_at(I::LEN);
        let rows = [I::load(low), I::load(high)];
        for r in 0..R {
            let weights = I::splat(weights[r]);
            for w in 0..2 {
                tile[r][w] = tile[r][w].add_products(rows[w], weights);
            }
        }
    }
    for (tile, sums) in tile.iter().zip(sums) {
        for (tile, sums) in tile.iter().zip(sums[first..].chunks_exact_mut(I::LEN)) {
            tile.store(sums);
        }
    }
}

impl Integers for [i32; 8] {
    const ZERO: Self = [0; 8];
    const LEN: usize = 8;
    #[inline(always)]
    fn load(from: &[u32]) -> Self {
        std::array::from_fn(|i| from[i] as i32)
    }
    #[inline(always)]
    fn splat(pair: u32) -> Self {
        [pair as i32; 8]
    }
    #[inline(always)]
    fn add_products(mut self, a: Self, b: Self) -> Self {
        for i in 0..8 {
            let low = i32::from(a[i] as i16) * i32::from(b[i] as i16);
            // Rows that overflowed may leave the range.
            self[i] = self[i].wrapping_add(low).wrapping_add((a[i] >> 16) * (b[i] >> 16));
        }
        self
    }
    #[inline(always)]
    fn store(self, to: &mut [i32]) {
        to.copy_from_slice(&self);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Integers, PANEL, tiles};
    use std::arch::x86_64::*;

    /// AVX2: 8 lanes.
    #[derive(Clone, Copy)]
    struct Half(__m256i);

    /// AVX-512 with VNNI: 16 lanes.
    #[derive(Clone, Copy)]
    struct Whole(__m512i);

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2(matrix: &[u32], columns: &[[u32; PANEL]], sums: &mut [[i32; PANEL]]) {
        tiles::<Half>(matrix, columns, sums);
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni")]
    pub(super) fn avx512(matrix: &[u32], columns: &[[u32; PANEL]], sums: &mut [[i32; PANEL]]) {
        tiles::<Whole>(matrix, columns, sums);
    }

    impl Integers for Half {
        // SAFETY: any bits are a vector of integers.
        const ZERO: Self = Half(unsafe { std::mem::zeroed() });
        const LEN: usize = 8;
        #[inline(always)]
        fn load(from: &[u32]) -> Self {
            assert!(from.len() >= Self::LEN);
            // SAFETY: only `avx2` calls this, where AVX2 is there; `from` has eight numbers.
            Half(unsafe { _mm256_loadu_si256(from.as_ptr().cast()) })
        }
        #[inline(always)]
        fn splat(pair: u32) -> Self {
            // SAFETY: only `avx2` calls this, where AVX2 is there.
            Half(unsafe { _mm256_set1_epi32(pair as i32) })
        }
        #[inline(always)]
        fn add_products(self, a: Self, b: Self) -> Self {
            // SAFETY: only `avx2` calls this, where AVX2 is there.
            Half(unsafe { _mm256_add_epi32(self.0, _mm256_madd_epi16(a.0, b.0)) })
        }
        #[inline(always)]
        fn store(self, to: &mut [i32]) {
            assert!(to.len() >= Self::LEN);
            // SAFETY: only `avx2` calls this, where AVX2 is there; `to` has room for eight numbers.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), self.0) }
        }
    }

    impl Integers for Whole {
        // SAFETY: any bits are a vector of integers.
        const ZERO: Self = Whole(unsafe { std::mem::zeroed() });
        const LEN: usize = 16;
        #[inline(always)]
        fn load(from: &[u32]) -> Self {
            assert!(from.len() >= Self::LEN);
            // SAFETY: only `avx512` calls this, where AVX-512 is there; `from` has sixteen numbers.
            Whole(unsafe { _mm512_loadu_si512(from.as_ptr().cast()) })
        }
        #[inline(always)]
        fn splat(pair: u32) -> Self {
            // SAFETY: only `avx512` calls this, where AVX-512 is there.
            Whole(unsafe { _mm512_set1_epi32(pair as i32) })
        }
        #[inline(always)]
        fn add_products(self, a: Self, b: Self) -> Self {
            // SAFETY: only `avx512` calls this, where its VNNI is there.
            Whole(unsafe { _mm512_dpwssd_epi32(self.0, a.0, b.0) })
        }
        #[inline(always)]
        fn store(self, to: &mut [i32]) {
            assert!(to.len() >= Self::LEN);
            // SAFETY: only `avx512` calls this, where AVX-512 is there; `to` has room for sixteen numbers.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), self.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_sums_the_products(k in 0..30_usize, pairs in 0..40_usize, seed in any::<u64>()) {
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
                let of = |i: usize| weights[c].iter().zip(&rows[n]).map(move |(p, u)| i64::from(p[i]) * i64::from(u[i]));
                of(0).chain(of(1)).sum::<i64>()
            };
            for level in Isa::available() {
                let mut sums = vec![[1; PANEL]; k];
                product(level, &matrix, &columns, &mut sums);
                for (c, sums) in sums.iter().enumerate() {
                    for (n, sum) in sums.iter().enumerate() {
                        prop_assert_eq!(i64::from(*sum), exact(c, n), "{:?} component {} row {}", level, c, n);
                    }
                }
            }
        }
    }
}
