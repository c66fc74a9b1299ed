//! The instruction sets: the only folder with `unsafe`, SIMD and matrix products.
//!
//! A loop is written once, as an operation ([`vector::Op`]) over the vectors of any instruction set
//! ([`vector::Simd`]); [`Isa::run`] runs it on the vectors of one that this processor has.
//!
//! | file | contents |
//! |---|---|
//! | `vector` | the traits: operation, instruction set, vector |
//! | `scalar` | the float types, and which vectors they have |
//! | `portable`, `x86_64`, `aarch64` | the instruction sets |
//! | `isa` | detection and dispatch |
//! | `int16`, `distance`, `finite`, `sift`, `gemm` | what the rest of the library calls |
//!
//! # Safety
//!
//! Every `unsafe` in the crate is in this folder and relies on one of these four arguments. Its comment names
//! the argument.
//!
//! 1. *Token.* `Avx2` and `Avx512` are tokens: each has a private field, only its `detect` makes one, and
//!    `detect` makes one only if the processor has the instructions. So wherever a token exists, code
//!    compiled for its instruction set may run. `Neon` needs no detection: the target guarantees it.
//!    [`Isa`] holds a token, and its field is private too: a user of the library cannot name an instruction
//!    set that the machine lacks.
//! 2. *Register.* A vector of registers holds the token that it was made from. So a method of a vector may
//!    use its instructions.
//! 3. *Length.* A load or a store touches as many numbers as the register holds, and the array's type or an
//!    assertion just before it guarantees that many.
//! 4. *Shapes.* The matrix-product library gets pointers and strides of live views whose shapes were just
//!    checked.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod distance;
mod finite;
mod gemm;
pub(crate) mod int16;
mod isa;
mod portable;
mod scalar;
pub(crate) mod sift;
#[cfg(test)]
mod tests;
pub(crate) mod vector;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use distance::min_squared_distance;
pub(crate) use finite::all_finite;
pub(crate) use gemm::multiply;
pub use isa::Isa;
pub(crate) use scalar::pick;
pub use scalar::{Element, Real};
pub(crate) use vector::LANES;
