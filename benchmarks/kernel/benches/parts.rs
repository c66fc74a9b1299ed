//! The kernel's parts, one thread: `make bench-kernel`. Rows are drawn from the mixture.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fishervec::preprocess::{PcaParams, Preprocessed, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{Encode, FisherVector, GaussianMixture};
use ndarray::{Array1, Array2};
use std::hint::black_box;

const ROWS: usize = 4096;

/// Numbers that look random: the fractional parts of a quadratic.
fn numbers(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        let x = (i * columns + j + 1) as f64 * 0.618_033_988_749_894_9 * (seed as f64 + 1.5);
        (x * (1.0 + x * 1e-4)).fract() - 0.5
    })
}

fn mixture(k: usize, d: usize) -> GaussianMixture {
    let weights = Array1::from_elem(k, 1.0 / k as f64);
    GaussianMixture::new(weights, numbers(k, d, 1) * 2.0, numbers(k, d, 2).mapv(|x| 0.6 + x)).unwrap()
}

/// The cost of accumulating with every posterior, with those that matter, and with one per row; the last is
/// little more than the screening.
fn accumulate(c: &mut Criterion) {
    let mut group = c.benchmark_group("accumulate");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (k, d) in [(16, 128), (64, 24), (256, 64), (1024, 128)] {
        let mixture = mixture(k, d);
        let rows = mixture.sample(ROWS, 0).0.mapv(|x| x as f32);
        let workspace = Workspace::default();
        for (name, threshold) in [("all", Some(0.0)), ("default", None), ("hard", Some(1.0))] {
            group.bench_function(BenchmarkId::new(name, format!("K={k} D={d}")), |b| {
                b.iter(|| mixture.accumulate(&rows, threshold, &Threads::one(), &workspace).unwrap());
            });
        }
    }
    group.finish();
}

/// From statistics to the vector.
fn encode_statistics(c: &mut Criterion) {
    let encoder = FisherVector::new(mixture(256, 64));
    let rows = encoder.gmm().sample(ROWS, 0).0;
    let statistics = encoder.accumulate(&rows, &Threads::one(), &Workspace::default()).unwrap();
    let mut out = vec![0.0; encoder.output_dim()];
    c.bench_function("encode_statistics K=256 D=64", |b| {
        b.iter(|| encoder.encode_statistics(black_box(&statistics), &mut out).unwrap());
    });
}

/// 768 columns to 128, as deep features need.
fn project(c: &mut Criterion) {
    let rows = numbers(ROWS, 768, 3).mapv(|x| x as f32);
    let pca = PcaParams { n_components: 128, whiten: false }.fit(&rows).unwrap();
    let steps = [Step::Pca(Box::new(pca))];
    c.bench_function("project 4096 x 768 to 128", |b| {
        b.iter(|| Preprocessed::new(&rows, &steps).unwrap().to_array(&Threads::one()).unwrap());
    });
}

/// The matrix-product libraries, on the shapes of a projected block and of a block against a mixture.
fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("product");
    for (m, k, n) in [(341, 768, 128), (512, 128, 256), (1024, 64, 256)] {
        let (a, b) = (numbers(m, k, 4).mapv(|x| x as f32), numbers(k, n, 5).mapv(|x| x as f32));
        let mut out = Array2::<f32>::zeros((m, n));
        let expected = a.dot(&b);
        let check = |out: &Array2<f32>, name: &str| {
            let wrong = (out - &expected).iter().any(|x| x.abs() > 1e-2);
            assert!(!wrong, "{name} is wrong");
        };
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        let shape = format!("{m}x{k} {k}x{n}");
        group.bench_function(BenchmarkId::new("gemm", &shape), |bencher| {
            bencher.iter(|| {
                // SAFETY: three arrays in standard layout, of the shapes given.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        out.as_mut_ptr(),
                        1,
                        n as isize,
                        false,
                        a.as_ptr(),
                        1,
                        k as isize,
                        b.as_ptr(),
                        1,
                        n as isize,
                        0.0,
                        1.0,
                        false,
                        false,
                        false,
                        gemm::Parallelism::None,
                    );
                }
            });
        });
        check(&out, "gemm");
        group.bench_function(BenchmarkId::new("faer", &shape), |bencher| {
            bencher.iter(|| {
                faer::linalg::matmul::matmul(
                    faer::MatMut::from_row_major_slice_mut(out.as_slice_mut().unwrap(), m, n),
                    faer::Accum::Replace,
                    faer::MatRef::from_row_major_slice(a.as_slice().unwrap(), m, k),
                    faer::MatRef::from_row_major_slice(b.as_slice().unwrap(), k, n),
                    1.0,
                    faer::Par::Seq,
                );
            });
        });
        check(&out, "faer");
        group.bench_function(BenchmarkId::new("matrixmultiply", &shape), |bencher| {
            bencher.iter(|| ndarray::linalg::general_mat_mul(1.0, &a, &b, 0.0, &mut out));
        });
    }
    group.finish();
}

criterion_group! {
    name = parts;
    config = Criterion::default().sample_size(20).without_plots();
    targets = accumulate, encode_statistics, project, products
}
criterion_main!(parts);
