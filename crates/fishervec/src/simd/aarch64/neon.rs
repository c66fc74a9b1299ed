//! NEON, which every 64-bit ARM processor has. Its vectors are arrays, which the compiler turns into
//! registers.

use crate::simd::portable::Array;
use crate::simd::vector::Simd;

/// The token of NEON, whose multiply-add is fused. It needs no detection: the target guarantees NEON, as the
/// compiler checks here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simd) struct Neon(());

const _: () = assert!(cfg!(target_feature = "neon"), "the target must guarantee NEON");

impl Neon {
    /// The token.
    pub(in crate::simd) fn new() -> Self {
        Neon(())
    }
}

impl Simd for Neon {
    const FMA: bool = true;
    type F32x8 = Array<f32, Self>;
    type F64x8 = Array<f64, Self>;
    type F32s = Array<f32, Self>;
    type F64s = Array<f64, Self>;
    type I32s = Array<i32, Self>;
}
