//! The registers of x86-64. Each file holds a token, the vectors it proves, and the function compiled for
//! them.

mod avx2;
mod avx512;
mod register;

pub(super) use avx2::Avx2;
pub(super) use avx512::Avx512;
