//! Which instruction set runs: detected once, or forced by the environment or by a test.

#[cfg(target_arch = "aarch64")]
use super::aarch64::Neon;
use super::portable::Portable;
use super::vector::Op;
#[cfg(target_arch = "x86_64")]
use super::x86_64::{Avx2, Avx512};
use crate::error::{Error, Result};
use std::fmt;
use std::sync::OnceLock;

/// An instruction set that this machine has, and that the kernel has a version for: `portable`, `avx2` (with
/// FMA), `avx512` (F, VL, DQ, BW, VNNI) or `neon`. Results have the same bits on the same one.
///
/// A value is a proof: detection alone makes one, so code compiled for it may run.
///
/// ```
/// use fishervec::run::Isa;
///
/// let names: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
/// assert_eq!(names[0], "portable");
/// assert!(names.contains(&Isa::active().name()));
/// ```
///
/// Nothing else can make one:
///
/// ```compile_fail,E0423
/// let forged = fishervec::run::Isa(todo!());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Isa {
    /// The instruction set in use: the best this machine has, or the one that
    /// [`from_environment`](Self::from_environment) asks for, if the machine has it.
    #[must_use]
    pub fn active() -> Self {
        static ACTIVE: OnceLock<Isa> = OnceLock::new();
        *ACTIVE.get_or_init(|| {
            let available = Self::available();
            Self::from_environment().ok().flatten().unwrap_or(available[available.len() - 1])
        })
    }

    /// The instruction set that the environment variable `FISHERVEC_SIMD` (`portable`, `avx2`, `avx512`,
    /// `neon`) asks for; `None` if it is not set. Machines of a mixed cluster agree to the last bit if all
    /// force the same one. (With `portable`, the projection of a PCA depends on the machine all the same: its
    /// matrix-product library uses AVX2 or NEON where it finds them.)
    ///
    /// # Errors
    /// [`Error::Parameter`] for one that this machine does not have; [`active`](Self::active) then ignores
    /// it.
    pub fn from_environment() -> Result<Option<Self>> {
        let Some(name) = std::env::var_os("FISHERVEC_SIMD") else { return Ok(None) };
        let available = Self::available();
        let found = available.iter().find(|isa| name == *isa.name()).copied();
        found.map(Some).ok_or_else(|| {
            let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
            let expected = format!("one of {}, which this machine has", names.join(", "));
            Error::parameter("FISHERVEC_SIMD", expected, name.display())
        })
    }

    /// The instruction sets of this machine, the best last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let detected = [Avx2::detect().map(Level::Avx2), Avx512::detect().map(Level::Avx512)];
        #[cfg(target_arch = "aarch64")]
        let detected = [Some(Level::Neon(Neon::new()))];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let detected = [None];
        [Some(Level::Portable(Portable))].into_iter().chain(detected).flatten().map(Isa).collect()
    }

    /// Its name, as `FISHERVEC_SIMD` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "neon",
        }
    }

    /// Whether it is AVX-512.
    pub(super) fn is_avx512(self) -> bool {
        self.name() == "avx512"
    }

    /// Runs `op` on the vectors of this instruction set, compiled for it.
    #[inline]
    pub(crate) fn run<O: Op>(self, op: O) {
        match self.0 {
            Level::Portable(simd) => op.run(simd),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.run(op),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.run(op),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(simd) => op.run(simd),
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({})", self.name())
    }
}
