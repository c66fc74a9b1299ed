//! The traits that loops are written in: an instruction set, its vectors, and an operation over them.
//!
//! The compiler vectorises loops over memory well, but it splits sums kept in arrays of eight into shorter
//! vectors; so the loops over the selected pairs name their vectors.

/// Numbers in a vector of eight; rows in the kernel are padded to a multiple of it.
pub(crate) const LANES: usize = 8;

/// An instruction set as a type, with its vectors. A value of the type is the proof that the processor has it
/// (see the folder's front page), and making a vector takes that proof.
pub trait Simd: Copy {
    /// Whether `a * b + c` is one instruction, which rounds once, instead of two, which round twice.
    const FMA: bool;
    /// How many registers the longest vectors have.
    const REGISTERS: usize;
    /// Eight `f32`.
    type F32x8: Vector8<f32, Simd = Self>;
    /// Eight `f64`.
    type F64x8: Vector8<f64, Simd = Self>;
    /// The longest vector of `f32`: eight or a multiple of it.
    type F32s: F32Vector<Simd = Self>;
    /// The longest vector of `f64`: eight or a multiple of it.
    type F64s: Vector<f64, Simd = Self>;
    /// The longest vector of `i32`.
    type I32s: PairSums<Simd = Self>;
}

/// A loop over vectors, its arguments the fields: what [`Isa::run`](super::Isa::run) compiles for each
/// instruction set. `run`, and all that it calls with vectors, is `#[inline(always)]`: only what is inlined
/// is compiled for the instruction set (anything else would be correct, but slow).
pub(crate) trait Op {
    /// Runs the loop.
    fn run<S: Simd>(self, simd: S);
}

/// `LEN` numbers of type `F`.
pub trait Vector<F>: Copy {
    /// The instruction set that it belongs to.
    type Simd: Simd;
    /// How many numbers it holds.
    const LEN: usize;
    /// `LEN` times the same number.
    fn splat(simd: Self::Simd, x: F) -> Self;
    /// The first `LEN` numbers of a slice, which must have that many.
    fn from_slice(simd: Self::Simd, from: &[F]) -> Self;
    /// Writes the numbers to the first `LEN` places of a slice, which must have that many.
    fn copy_to_slice(self, to: &mut [F]);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self * other`.
    fn mul(self, other: Self) -> Self;
    /// `self * b + c`, rounded as [`Simd::FMA`] says.
    fn madd(self, b: Self, c: Self) -> Self;
    /// `self * b - c`, rounded the same way; a zero may have either sign.
    fn msub(self, b: Self, c: Self) -> Self;
    /// The larger number of each lane; that of `other` where either is NaN.
    fn max(self, other: Self) -> Self;
    /// Bit i is set where lane i is less than that of `other`; it is not set where either is NaN.
    fn lt(self, other: Self) -> u32;
    /// Writes the numbers above 0 to the first places of `to`, and the numbers of `of` at their places to
    /// those of `kept`; returns how many these are. All slices must have `LEN` places.
    fn keep_positive(self, of: &[u32], to: &mut [F], kept: &mut [u32]) -> usize;
    /// The sum of the numbers, in a fixed tree.
    fn sum(self) -> F;
    /// Four such sums, with the same bits.
    #[inline(always)]
    fn sums(of: [Self; 4]) -> [F; 4] {
        [of[0].sum(), of[1].sum(), of[2].sum(), of[3].sum()]
    }
}

/// [`Vector::keep_positive`] of a vector of these numbers, one by one.
#[inline(always)]
pub(super) fn keep_positive<F: Copy + Default + PartialOrd>(
    numbers: &[F],
    of: &[u32],
    to: &mut [F],
    kept: &mut [u32],
) -> usize {
    let (of, to, kept) = (&of[..numbers.len()], &mut to[..numbers.len()], &mut kept[..numbers.len()]);
    let mut len = 0;
    for (x, of) in numbers.iter().zip(of) {
        (to[len], kept[len]) = (*x, *of);
        len += usize::from(*x > F::default());
    }
    len
}

/// Eight numbers.
pub trait Vector8<F>: Vector<F> {
    /// The numbers of an array.
    fn from_array(simd: Self::Simd, from: &[F; LANES]) -> Self;
    /// The numbers as an array.
    fn to_array(self) -> [F; LANES];
    /// The nearest `f32`.
    fn to_f32(self) -> <Self::Simd as Simd>::F32x8;
    /// The same numbers.
    fn to_f64(self) -> <Self::Simd as Simd>::F64x8;
}

/// What a vector of `f32` has besides.
pub trait F32Vector: Vector<f32> {
    /// The `f32` nearest to the first `LEN` numbers of a slice, which must have that many.
    fn from_i32(simd: Self::Simd, from: &[i32]) -> Self;
}

/// `LEN` sums of type `i32`, or as many pairs of `i16` to be multiplied.
pub trait PairSums: Copy {
    /// The instruction set that it belongs to.
    type Simd: Simd;
    /// How many sums or pairs it holds.
    const LEN: usize;
    /// `LEN` times the same pair, or the same sum.
    fn splat(simd: Self::Simd, pair: u32) -> Self;
    /// The first `LEN` pairs of a slice, which must have that many.
    fn from_slice(simd: Self::Simd, from: &[u32]) -> Self;
    /// Adds a_0 b_0 + a_1 b_1 of the pairs of each lane, modulo 2^32.
    fn add_products(self, a: Self, b: Self) -> Self;
    /// Writes the sums to the first `LEN` places of a slice, which must have that many.
    fn copy_to_slice(self, to: &mut [i32]);
}
