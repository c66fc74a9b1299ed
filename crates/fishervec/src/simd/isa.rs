//! Which instruction set runs: probed once, forced by the environment or by a test.

use crate::error::{Error, Result};
use std::sync::OnceLock;

/// An instruction set the kernel has a version for. Results have the same bits on the same level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Whatever the target guarantees; no fused multiply-add on x86-64.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 (F, VL, DQ, BW, VNNI).
    Avx512,
    /// 64-bit ARM, whose baseline has fused multiply-add.
    Neon,
}

impl Isa {
    /// The level in use: the best this machine has, or the one asked for by
    /// [`from_environment`](Self::from_environment), if the machine has it.
    #[must_use]
    pub fn active() -> Self {
        static ACTIVE: OnceLock<Isa> = OnceLock::new();
        *ACTIVE.get_or_init(|| {
            let available = Self::available();
            Self::from_environment().ok().flatten().unwrap_or(available[available.len() - 1])
        })
    }

    /// The level that the environment variable `FISHERVEC_SIMD` (`portable`, `avx2`, `avx512`) asks for;
    /// `None` where it is not set. A cluster of unlike machines agrees to the last bit when all force the
    /// same level.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a level this machine does not have; [`active`](Self::active) then ignores it.
    pub fn from_environment() -> Result<Option<Self>> {
        let Some(name) = std::env::var_os("FISHERVEC_SIMD") else { return Ok(None) };
        let available = Self::available();
        let found = available.iter().find(|level| name == *level.name()).copied();
        found.map(Some).ok_or_else(|| {
            let names: Vec<_> = available.iter().map(|level| level.name()).collect();
            let expected = format!("one of {}, which this machine has", names.join(", "));
            Error::parameter("FISHERVEC_SIMD", expected, name.display())
        })
    }

    /// The levels of this machine, the best last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "aarch64")]
        levels.push(Isa::Neon);
        #[cfg(not(target_arch = "aarch64"))]
        levels.push(Isa::Portable);
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("fma") {
                levels.push(Isa::Avx2);
                let wide = has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw");
                if wide && has!("avx512vnni") {
                    levels.push(Isa::Avx512);
                }
            }
        }
        levels
    }

    /// Its name, as `FISHERVEC_SIMD` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }
}

/// Defines a function that runs `$body::<F, V, FMA>`, V the lanes, compiled for the level its first argument names; of
/// `long fn` V is the longest register.
macro_rules! at_level {
    (fn $name:ident = $body:ident $arguments:tt) => {
        at_level!(@ $name $body $arguments (F::Wide) (F::Wide) ([F; crate::simd::LANES]));
    };
    (long fn $name:ident = $body:ident $arguments:tt) => {
        at_level!(@ $name $body $arguments (F::Long) (Eight<F::Wide>) (Eight<[F; crate::simd::LANES]>));
    };
    (@ $name:ident $body:ident ($($arg:ident: $ty:ty),* $(,)?) ($long:ty) ($wide:ty) ($portable:ty)) => {
        pub(crate) fn $name<F: Real>(level: Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2<F: Real>($($arg: $ty),*) {
                $body::<F, $wide, true>($($arg),*);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni")]
            fn avx512<F: Real>($($arg: $ty),*) {
                $body::<F, $long, true>($($arg),*);
            }
            match level {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Isa::available` names this level only where the processor was seen to have
                // these features, and levels come from nowhere else.
                Isa::Avx512 => unsafe { avx512::<F>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Isa::Avx2 => unsafe { avx2::<F>($($arg),*) },
                Isa::Neon => $body::<F, $portable, true>($($arg),*),
                _ => $body::<F, $portable, false>($($arg),*),
            }
        }
    };
}
pub(crate) use at_level;
