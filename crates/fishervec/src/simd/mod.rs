//! The instruction sets: the only folder with `unsafe`, SIMD and matrix products.

mod distance;
mod finite;
mod gemm;
pub(crate) mod int16;
pub(crate) mod isa;
mod scalar;
pub(crate) mod sift;
pub(crate) mod vector;

pub(crate) use distance::min_squared_distance;
pub(crate) use finite::all_finite;
pub(crate) use gemm::multiply;
pub use isa::Isa;
pub(crate) use scalar::pick;
pub use scalar::{Element, Real};

/// Numbers that a vector loop works on at once; rows in the kernel are padded to a multiple of it.
pub(crate) const LANES: usize = 8;
