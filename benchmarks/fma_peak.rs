//! The peak of fused multiply-adds: prints GFLOP/s of float32 and of float64 on as many threads as its argument says,
//! and the width of the registers in bits.
//!
//!     rustc -O -C target-cpu=native benchmarks/fma_peak.rs && ./fma_peak 2
//!
//! On x86-64 the width is chosen here: on Intel processors with registers of 512 bits the compiler prefers 256.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Independent chains, enough to hide the latency of the two units and few enough to stay in registers.
const CHAINS: usize = 10;
const STEPS: usize = 500_000;
/// Short bursts, and the best of many: on a shared machine one of them is left alone.
const BURSTS: usize = 60;

/// A function that runs one burst on one thread and returns its floating-point operations.
type Burst = fn() -> f64;

/// A burst by vectors of so many lanes: how one is filled with a number, and the product and sum of three.
macro_rules! burst {
    ($name:ident, $float:ty, $lanes:expr, $fill:expr, $multiply_add:expr $(, $feature:literal)?) => {
        fn $name() -> f64 {
            $(#[target_feature(enable = $feature)])?
            #[inline(never)]
            fn run() {
                let (a, b) = ($fill(black_box(0.999)), $fill(black_box(0.001)));
                let mut chains = [$fill(black_box(1.0)); CHAINS];
                for _ in 0..STEPS {
                    for chain in &mut chains {
                        *chain = $multiply_add(*chain, a, b);
                    }
                }
                black_box(chains);
            }
            // SAFETY: `widest` names a burst only on a machine that has its instructions.
            #[allow(unused_unsafe)]
            unsafe { run() };
            (2 * $lanes * CHAINS * STEPS) as f64
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod bursts {
    use super::*;
    use std::arch::x86_64::*;

    burst!(single_512, f32, 16, |x| _mm512_set1_ps(x), |x, a, b| _mm512_fmadd_ps(x, a, b), "avx512f");
    burst!(double_512, f64, 8, |x| _mm512_set1_pd(x), |x, a, b| _mm512_fmadd_pd(x, a, b), "avx512f");
    burst!(single_256, f32, 8, |x| _mm256_set1_ps(x), |x, a, b| _mm256_fmadd_ps(x, a, b), "avx,fma");
    burst!(double_256, f64, 4, |x| _mm256_set1_pd(x), |x, a, b| _mm256_fmadd_pd(x, a, b), "avx,fma");

    pub fn widest() -> (Burst, Burst, usize) {
        if is_x86_feature_detected!("avx512f") {
            return (single_512, double_512, 512);
        }
        assert!(is_x86_feature_detected!("fma"), "expected a processor with fused multiply-adds");
        (single_256, double_256, 256)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod bursts {
    use super::*;
    use std::array::from_fn;

    burst!(single, f32, 4, |x| [x; 4], |x: [f32; 4], a: [f32; 4], b: [f32; 4]| from_fn(|i| x[i].mul_add(a[i], b[i])));
    burst!(double, f64, 2, |x| [x; 2], |x: [f64; 2], a: [f64; 2], b: [f64; 2]| from_fn(|i| x[i].mul_add(a[i], b[i])));

    pub fn widest() -> (Burst, Burst, usize) {
        (single, double, 128)
    }
}

/// GFLOP/s of all threads together.
fn rate(threads: usize, burst: Burst) -> f64 {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let run = || {
            barrier.wait();
            let start = Instant::now();
            burst() / start.elapsed().as_secs_f64() / 1e9
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).sum()
    })
}

fn main() {
    let threads = std::env::args().nth(1).map_or(1, |n| n.parse().expect("a number of threads"));
    let best = |burst| (0..BURSTS).map(|_| rate(threads, burst)).fold(0.0, f64::max);
    let (single, double, bits) = bursts::widest();
    println!("{:.1} {:.1} {bits}", best(single), best(double));
}
