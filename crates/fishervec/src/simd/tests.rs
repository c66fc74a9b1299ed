//! Every vector of every instruction set of this machine, against the same steps on one number at a time.

use super::isa::Isa;
use super::scalar::{Real, sealed::Float};
use super::vector::{F32Vector, LANES, Op, PairSums, Simd, Vector, Vector8};
use proptest::prelude::*;

/// The longest vector has up to two times as many numbers.
const MOST: usize = 2 * LANES;

/// Checks the vectors of `F` on the numbers `a`, `b`, `c`.
struct Check<F> {
    a: [F; MOST],
    b: [F; MOST],
    c: [F; MOST],
}

/// Whether two numbers are the same bit for bit; any NaN is the same as any other.
fn same<F: Real>(got: F, expected: F) -> bool {
    let (got, expected) = (got.to_f64(), expected.to_f64());
    got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan()
}

/// The sum of eight numbers in the tree that every vector has.
fn tree<F: Real>(x: &[F]) -> F {
    ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
}

impl<F: Real> Check<F> {
    #[inline(always)]
    fn vector<V: Vector<F>>(&self, simd: V::Simd) {
        let lanes = |what: &str, v: V, expected: &dyn Fn(usize) -> F| {
            let mut got = [F::ONE; MOST + 1];
            v.copy_to_slice(&mut got);
            for (i, got) in got.into_iter().enumerate() {
                let expected = if i < V::LEN { expected(i) } else { F::ONE };
                assert!(same(got, expected), "{what} lane {i} of {}: {got:?} for {expected:?}", V::LEN);
            }
        };
        let Check { a, b, c } = self;
        let [x, y, z] = [a, b, c].map(|from| V::from_slice(simd, from));
        lanes("splat", V::splat(simd, a[3]), &|_| a[3]);
        lanes("from_slice", x, &|i| a[i]);
        lanes("add", x.add(y), &|i| a[i] + b[i]);
        lanes("mul", x.mul(y), &|i| a[i] * b[i]);
        lanes("madd", x.madd(y, z), &|i| a[i].madd::<V::Simd>(b[i], c[i]));
        // Adding 0 makes the sign of a zero, which is not specified, positive.
        let zero = V::splat(simd, F::ZERO);
        lanes("msub", x.msub(y, z).add(zero), &|i| a[i].madd::<V::Simd>(b[i], F::ZERO - c[i]) + F::ZERO);
        lanes("max", x.max(y), &|i| if a[i] > b[i] { a[i] } else { b[i] });
        for i in 0..32 {
            let less = i < V::LEN && a[i] < b[i];
            assert_eq!(x.lt(y) >> i & 1 == 1, less, "lt lane {i} of {} of {a:?} {b:?}", V::LEN);
        }
        let (of, mut to, mut kept) =
            (std::array::from_fn::<u32, MOST, _>(|i| 7 * i as u32), [F::ONE; MOST], [1; MOST]);
        let len = x.keep_positive(&of, &mut to, &mut kept);
        let positive: Vec<usize> = (0..V::LEN).filter(|i| a[*i] > F::ZERO).collect();
        assert_eq!(len, positive.len(), "of {a:?}");
        for (at, i) in positive.into_iter().enumerate() {
            assert!(same(to[at], a[i]) && kept[at] == of[i], "keep_positive: {to:?} {kept:?} of {a:?}");
        }
        let sum = |of: &[F; MOST]| match V::LEN {
            LANES => tree(of),
            _ => tree(&std::array::from_fn::<F, LANES, _>(|i| of[i] + of[i + LANES])),
        };
        assert!(same(x.sum(), sum(a)), "sum {:?} for {:?}", x.sum(), sum(a));
        for (got, of) in V::sums([x, y, z, x]).into_iter().zip([a, b, c, a]) {
            assert!(same(got, sum(of)), "sums {got:?} for {:?}", sum(of));
        }
    }

    #[inline(always)]
    fn vector8<V: Vector8<F>>(&self, simd: V::Simd) {
        let a = *self.a.first_chunk::<LANES>().unwrap();
        let x = V::from_array(simd, &a);
        let array = x.to_array();
        let (single, double) = (x.to_f32().to_array(), x.to_f64().to_array());
        for i in 0..LANES {
            assert!(same(array[i], a[i]), "from_array lane {i}");
            assert!(same(single[i], a[i].to_f64() as f32), "to_f32 lane {i} of {a:?}");
            assert!(same(double[i], a[i].to_f64()), "to_f64 lane {i} of {a:?}");
        }
    }
}

impl<F: Real> Op for Check<F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.vector::<F::Longest<S>>(simd);
        self.vector::<F::Eight<S>>(simd);
        self.vector8::<F::Eight<S>>(simd);
    }
}

/// Checks the conversion of these integers.
struct FromI32([i32; MOST]);

impl Op for FromI32 {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut got = [0.0; MOST];
        S::F32s::from_i32(simd, &self.0).copy_to_slice(&mut got);
        let len = S::F32s::LEN;
        assert_eq!(got[..len], self.0.map(|x| x as f32)[..len]);
    }
}

/// Checks the sums of products of these pairs, whatever they are.
struct CheckPairs {
    sums: [u32; MOST],
    a: [u32; MOST],
    b: [u32; MOST],
}

impl Op for CheckPairs {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let CheckPairs { sums, a, b } = &self;
        let [x, y, z] = [sums, a, b].map(|from| S::I32s::from_slice(simd, from));
        let (mut got, mut same) = ([1; MOST + 1], [1; MOST + 1]);
        x.add_products(y, z).copy_to_slice(&mut got);
        S::I32s::splat(simd, 7 << 16 | 5).copy_to_slice(&mut same);
        let halves = |pair: u32| [pair as i16, (pair >> 16) as i16].map(i32::from);
        for i in 0..=MOST {
            let expected = (i < S::I32s::LEN).then(|| {
                let ([a0, a1], [b0, b1]) = (halves(a[i]), halves(b[i]));
                (sums[i] as i32).wrapping_add(a0 * b0).wrapping_add(a1 * b1)
            });
            assert_eq!(got[i], expected.unwrap_or(1), "lane {i} of {}", S::I32s::LEN);
            assert_eq!(same[i], expected.map_or(1, |_| 7 << 16 | 5), "splat lane {i}");
        }
    }
}

/// Any number, among them zeros of both signs, infinities and NaN.
fn number() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![0.0, -0.0, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
    prop_oneof![8 => -2.0..2.0_f64, 1 => any::<f64>(), 1 => special]
}

proptest! {
    #[test]
    fn every_vector_computes_what_its_lanes_do(
        a in prop::array::uniform16(number()),
        b in prop::array::uniform16(number()),
        c in prop::array::uniform16(number()),
        integers in prop::array::uniform16(any::<i32>()),
        pairs in prop::array::uniform3(prop::array::uniform16(
            prop_oneof![4 => any::<u32>(), 1 => Just(0x8000_8000)]
        )),
    ) {
        let single = |of: &[f64; MOST]| of.map(|x| x as f32);
        for isa in Isa::available() {
            isa.run(Check { a, b, c });
            isa.run(Check { a: single(&a), b: single(&b), c: single(&c) });
            isa.run(FromI32(integers));
            let [sums, a, b] = pairs;
            isa.run(CheckPairs { sums, a, b });
        }
    }
}

/// Compares the exponential with libm's where its result is normal, and checks both ends.
struct Exponential;

impl Op for Exponential {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (mut worst32, mut worst64) = (0.0_f64, 0.0_f64);
        for i in 0..200_000 {
            let x = -f64::from(i) * 4.3e-4;
            let single = x as f32;
            let error32 = f64::from(single.exp_negative::<S>()) / libm::exp(f64::from(single)) - 1.0;
            worst32 = worst32.max(error32.abs());
            worst64 = worst64.max((x.exp_negative::<S>() / libm::exp(x) - 1.0).abs());
        }
        assert!(worst32 < 2.0 * f64::from(f32::EPSILON), "{worst32:e}");
        assert!(worst64 < 2.0 * f64::EPSILON, "{worst64:e}");
        for x in [-1e3, -1e30, f64::NEG_INFINITY] {
            assert_eq!(x.exp_negative::<S>(), 0.0);
            assert_eq!((x as f32).exp_negative::<S>(), 0.0);
        }
        assert_eq!(0.0_f64.exp_negative::<S>(), 1.0);
        assert_eq!(0.0_f32.exp_negative::<S>(), 1.0);
    }
}

#[test]
fn exponential_is_accurate_to_two_units_in_the_last_place() {
    Isa::available().into_iter().for_each(|isa| isa.run(Exponential));
}

#[test]
fn the_last_instruction_set_is_used_unless_the_environment_names_another() {
    let available = Isa::available();
    let expected = Isa::from_environment().unwrap().unwrap_or(available[available.len() - 1]);
    assert_eq!(Isa::active(), expected);
    assert_eq!(format!("{:?}", available[0]), "Isa(portable)");
}
