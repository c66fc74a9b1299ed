//! What all registers of floats do alike.

/// Defines a vector of `$len` numbers in one register, with the token that proves its instructions, and
/// implements `Vector` by the intrinsics of these names; the sums come from the end of the invocation.
macro_rules! register {
    (
        $(#[$doc:meta])*
        $name:ident $(<$s:ident: $proof:ident>)? ($register:ident, $simd:ty) = [$t:ident; $len:literal]:
        $splat:ident, $load:ident, $store:ident, $add:ident, $mul:ident, $max:ident, $madd:ident, $msub:ident;
        $($sums:item)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(in crate::simd) struct $name $(<$s>)? (pub(super) $register, pub(super) $simd);

        impl $(<$s: $proof>)? Vector<$t> for $name $(<$s>)? {
            type Simd = $simd;
            const LEN: usize = $len;
            #[inline(always)]
            fn splat(simd: $simd, x: $t) -> Self {
                // SAFETY: token.
                $name(unsafe { $splat(x) }, simd)
            }
            #[inline(always)]
            fn from_slice(simd: $simd, from: &[$t]) -> Self {
                assert!(from.len() >= $len);
                // SAFETY: token; length, by the assertion.
                $name(unsafe { $load(from.as_ptr()) }, simd)
            }
            #[inline(always)]
            fn copy_to_slice(self, to: &mut [$t]) {
                assert!(to.len() >= $len);
                // SAFETY: register; length, by the assertion.
                unsafe { $store(to.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: register.
                $name(unsafe { $add(self.0, other.0) }, self.1)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: register.
                $name(unsafe { $mul(self.0, other.0) }, self.1)
            }
            #[inline(always)]
            fn madd(self, b: Self, c: Self) -> Self {
                // SAFETY: register.
                $name(unsafe { $madd(self.0, b.0, c.0) }, self.1)
            }
            #[inline(always)]
            fn msub(self, b: Self, c: Self) -> Self {
                // SAFETY: register.
                $name(unsafe { $msub(self.0, b.0, c.0) }, self.1)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: register.
                $name(unsafe { $max(self.0, other.0) }, self.1)
            }
            $($sums)*
        }
    };
}
pub(super) use register;
