//! The peak of fused multiply-adds: prints GFLOP/s of float32 and of float64 on as many threads as its argument says.
//!
//!     rustc -O -C target-cpu=native benchmarks/fma_peak.rs && ./fma_peak 2

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Independent chains, enough to hide the latency of the two units and few enough to stay in registers.
const CHAINS: usize = 10;
const BYTES: usize = if cfg!(target_feature = "avx512f") { 64 } else { 32 };
const STEPS: usize = 500_000;
/// Short bursts, and the best of many: on a shared machine one of them is left alone.
const BURSTS: usize = 60;

macro_rules! burst {
    ($name:ident, $float:ty) => {
        /// The floating-point operations of one thread.
        #[inline(never)]
        fn $name() -> f64 {
            const WIDTH: usize = BYTES / size_of::<$float>();
            let (a, b): ($float, $float) = (black_box(0.999), black_box(0.001));
            let mut chains = black_box([[1.0 as $float; WIDTH]; CHAINS]);
            for _ in 0..STEPS {
                for chain in &mut chains {
                    for x in chain {
                        *x = x.mul_add(a, b);
                    }
                }
            }
            black_box(chains);
            (2 * WIDTH * CHAINS * STEPS) as f64
        }
    };
}
burst!(single, f32);
burst!(double, f64);

/// GFLOP/s of all threads together.
fn rate(threads: usize, burst: fn() -> f64) -> f64 {
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
    println!("{:.1} {:.1}", best(single), best(double));
}
