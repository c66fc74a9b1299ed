//! Times the jobs of the benchmarks on real descriptors, each after checking its answer against `f64` without
//! threshold. `benchmarks/descriptors.py` makes the descriptors, the command `fit` the models:
//!
//!     python benchmarks/descriptors.py data/bench
//!     fishervec fit data/bench/sift64.npy  -o data/bench/m64.safetensors  --components 256 --max-iter 8
//!     fishervec fit data/bench/sift128.npy -o data/bench/m128.safetensors --components 1024 --max-iter 8
//!     cargo run --release -p fishervec --example speed -- data/bench W1 W2 ...

use fishervec::data::{OwnedDescriptors, Real};
use fishervec::encode::{Encoder, FisherParams, Norm};
use fishervec::io::SetFile;
use fishervec::mixture::KMeans;
use fishervec::preprocess::{PcaParams, Step};
use fishervec::run::{Isa, Threads, Workspace};
use fishervec::{Context, Encode, FisherVector, GaussianMixture, Pipeline};
use half::f16;
use ndarray::{Array1, Array2, s};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: speed FOLDER [JOB...]")?;
    let jobs: Vec<String> = arguments.collect();
    let wanted = |job: &str| jobs.is_empty() || jobs.iter().any(|j| j == job);
    println!("instruction set: {}", Isa::active().name());
    let two = Threads::new(2)?;
    if ["W1", "W2", "W5", "kmeans"].into_iter().any(wanted) {
        let rows = read(&format!("{folder}/sift64.npy"), 200_000)?;
        let encoder = encoder(&format!("{folder}/m64.safetensors"))?;
        if wanted("W1") {
            let w1 = rows.slice(s![..10_000, ..]).to_owned();
            let double = w1.mapv(f64::from);
            time_encoding("W1 f32", &encoder, &w1, &Threads::one(), 25)?;
            time_encoding("W1 f32, 2 threads", &encoder, &w1, &two, 25)?;
            time_encoding("W1 f64", &encoder, &double, &Threads::one(), 9)?;
        }
        if wanted("W2") {
            let w2 = rows.slice(s![..1000, ..]).to_owned();
            time_encoding("W2, one set", &encoder, &w2, &Threads::one(), 99)?;
        }
        if wanted("W5") {
            for threads in [&Threads::one(), &two] {
                let workspace = Workspace::default();
                time(&format!("W5 statistics, {} threads", threads.count()), 5, || {
                    encoder.accumulate(&rows, threads, &workspace).map(drop)
                })?;
            }
        }
        if wanted("kmeans") {
            for (name, max_iter) in [("k-means++ alone", 0), ("k-means++ and 10 iterations", 10)] {
                let params = KMeans::builder(256).max_iter(max_iter).tol(-1.0);
                let mut inertia = 0.0;
                time(name, 3, || {
                    params.fit_with(&rows, &mut Context::on(&two)).map(|fit| inertia = fit.inertia)
                })?;
                println!("    inertia {inertia:.6e}");
            }
        }
    }
    if wanted("W3") {
        let (k, d) = (64, 20);
        let draw = |n: usize, seed: usize| {
            Array2::from_shape_fn((n, d), |(i, j)| ((i * 7919 + j * 104_729 + seed) % 1009) as f64 / 500.0)
        };
        let uniform = Array1::from_elem(k, 1.0 / k as f64);
        let mixture = GaussianMixture::new(uniform, draw(k, 17), Array2::from_elem((k, d), 0.5))?;
        let (encoder, rows) = (fisher(mixture)?, draw(100, 0));
        time_encoding("W3 f64", &encoder, &rows, &Threads::one(), 999)?;
        time_encoding("W3 f32", &encoder, &rows.mapv(|x| x as f32), &Threads::one(), 999)?;
    }
    if wanted("small") {
        small_sets()?;
    }
    if wanted("W4") {
        let rows = read(&format!("{folder}/sift128.npy"), 10_000)?;
        let encoder = encoder(&format!("{folder}/m128.safetensors"))?;
        time_encoding("W4 f32", &encoder, &rows, &Threads::one(), 7)?;
        time_encoding("W4 f32, 2 threads", &encoder, &rows, &two, 7)?;
    }
    if wanted("seeds") {
        let rows = read(&format!("{folder}/sift128.npy"), 200_000)?;
        let params = KMeans::builder(1024).max_iter(0);
        time("k-means++, K = 1024", 1, || {
            params.fit_with(&rows, &mut Context::on(&Threads::one())).map(drop)
        })?;
    }
    if wanted("W9") {
        deep_features()?;
    }
    Ok(())
}

/// Sets so small that the work per set outweighs the work per row, with the default power and norm.
fn small_sets() -> Result<()> {
    for (n, d, k) in [(1, 64, 256), (40, 26, 32), (40, 39, 64)] {
        let draw = |n: usize, seed: usize| {
            Array2::from_shape_fn((n, d), |(i, j)| ((i * 7919 + j * 104_729 + seed) % 1009) as f32 / 250.0)
        };
        let means = draw(k, 17).mapv(f64::from);
        let mixture = GaussianMixture::new(
            Array1::from_elem(k, 1.0 / k as f64),
            means,
            Array2::from_elem((k, d), 1.0),
        )?;
        let pipeline = Pipeline::new(d, vec![], FisherVector::new(mixture).into())?;
        let (rows, workspace) = (draw(n, 0), Workspace::default());
        let mut out = vec![0.0; pipeline.output_dim()];
        time(&format!("small: {n} x {d}, K = {k}"), 999, || {
            pipeline.encode_into(&rows, &mut out, &Threads::one(), &workspace).map(drop)
        })?;
    }
    Ok(())
}

/// 20,000 embeddings of 768 columns, PCA to 128, K = 16. The accuracy is not checked, since f16 is the input.
fn deep_features() -> Result<()> {
    let (n, d) = (20_000, 768);
    let rows =
        Array2::from_shape_fn((n, d), |(i, j)| ((i * 7919 + j * j * 31 + i * j) % 2003) as f32 / 1000.0);
    let half = rows.mapv(f16::from_f32);
    let pca = PcaParams { n_components: 128, whiten: false }.fit(&rows.slice(s![..2000, ..]))?;
    let mixture = GaussianMixture::new(
        Array1::from_elem(16, 1.0 / 16.0),
        Array2::from_shape_fn((16, 128), |(k, j)| ((k * 31 + j * 17) % 13) as f64 / 10.0),
        Array2::from_elem((16, 128), 1.0),
    )?;
    let pipeline = Pipeline::new(d, vec![Step::Pca(Box::new(pca))], fisher(mixture)?.into())?;
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let mut out = vec![0.0; pipeline.output_dim()];
    time("W9 f32", 9, || pipeline.encode_into(&rows, &mut out, &threads, &workspace).map(drop))?;
    time("W9 f16", 9, || pipeline.encode_into(&half, &mut out, &threads, &workspace).map(drop))?;
    let two = Threads::new(2)?;
    time("W9 f16, 2 threads", 9, || pipeline.encode_into(&half, &mut out, &two, &workspace).map(drop))
}

fn fisher(mixture: GaussianMixture) -> Result<FisherVector> {
    let params = FisherParams { power: 1.0, norm: Norm::None, ..Default::default() };
    Ok(FisherVector::with_params(mixture, params)?)
}

fn encoder(path: &str) -> Result<FisherVector> {
    match Pipeline::load(path)?.encoder() {
        Encoder::Fisher(encoder) => fisher(encoder.gmm().clone()),
        _ => Err("not a mixture".into()),
    }
}

fn read(path: &str, most: usize) -> Result<Array2<f32>> {
    let mut file = SetFile::open(path)?;
    let array = file.sets().first().ok_or("an empty file")?.array.clone();
    let rows = file.rows(&array)?;
    let n = rows.n_rows().min(most);
    let first: Vec<usize> = (0..n).collect();
    Ok(OwnedDescriptors::gather(&rows.rows::<f32>(0..n), &first)?.view().rows().to_owned())
}

fn time_encoding<F: Real>(
    name: &str,
    encoder: &FisherVector,
    rows: &Array2<F>,
    threads: &Threads,
    repetitions: usize,
) -> Result<()> {
    let double = rows.mapv(Real::to_f64);
    let exact = encoder.gmm().accumulate(&double, Some(0.0), threads, &Workspace::default())?;
    let mut expected = vec![0.0; encoder.output_dim()];
    encoder.encode_statistics(&exact, &mut expected)?;
    let step = Pipeline::new(encoder.input_dim(), vec![], encoder.clone().into())?;
    let workspace = Workspace::default();
    let mut out = vec![F::ZERO; step.output_dim()];
    step.encode_into(rows, &mut out, threads, &workspace)?;
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let error = norm(&mut out.iter().zip(&expected).map(|(a, b)| a.to_f64() - b))
        / norm(&mut expected.iter().copied());
    if error > 1e-5 {
        return Err(format!("{name}: relative error {error:e}").into());
    }
    time(&format!("{name}, error {error:.1e}"), repetitions, || {
        step.encode_into(rows, &mut out, threads, &workspace).map(drop)
    })
}

/// Prints the minimum and the median of the milliseconds that `work` takes.
fn time(name: &str, repetitions: usize, mut work: impl FnMut() -> fishervec::Result<()>) -> Result<()> {
    work()?;
    let mut times = Vec::new();
    for _ in 0..repetitions {
        let start = Instant::now();
        work()?;
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    println!("{name:<40} min {:9.3} ms, median {:9.3} ms", times[0], times[times.len() / 2]);
    Ok(())
}
