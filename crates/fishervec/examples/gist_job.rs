//! The job of the gist "Fisher vectors with sklearn", in Rust: 1,000 generated samples of 20 columns, a
//! mixture of 64 components fitted on 900, the other 100 encoded as one set.
//!
//!     cargo run --release -p fishervec --example gist_job

use fishervec::encode::{Convention, FisherParams, Normalization};
use fishervec::{Context, Encode, FisherVector, GaussianMixture, Result};
use ndarray::{Array1, Array2, s};
use std::time::Instant;

fn main() -> Result<()> {
    // Two classes of two clusters each, as scikit-learn's make_classification draws by default.
    let (clusters, d) = (4, 20);
    let centres = Array2::from_shape_fn((clusters, d), |(k, j)| match j {
        0 | 1 => {
            if (k >> j) & 1 == 1 {
                1.0
            } else {
                -1.0
            }
        }
        _ => 0.0,
    });
    let source = GaussianMixture::new(
        Array1::from_elem(clusters, 1.0 / clusters as f64),
        centres,
        Array2::ones((clusters, d)),
    )?;
    let (samples, _) = source.sample(1000, 0);

    let start = Instant::now();
    let train = samples.slice(s![..900, ..]);
    let fit = GaussianMixture::builder(64).fit_with(&train, &mut Context::new())?;
    println!(
        "mixture       64 components on 900 x {d} samples in {:.1} ms, {} iterations, converged: {}",
        start.elapsed().as_secs_f64() * 1e3,
        fit.report.n_iter(),
        fit.report.converged
    );

    let set = samples.slice(s![900.., ..]);
    for (name, convention, Normalization { power, norm }) in [
        ("gist", Convention::GIST, Normalization::NONE),
        ("sanchez", Convention::SANCHEZ, Normalization::NONE),
        ("sanchez, power 0.5, L2", Convention::SANCHEZ, Normalization::IMPROVED),
    ] {
        let params = FisherParams { convention, power, norm, ..Default::default() };
        let fisher = FisherVector::with_params(fit.mixture.clone(), params)?;
        let start = Instant::now();
        let vector = fisher.encode(&set)?;
        println!(
            "fisher vector {name:22} 100 x {d} samples to {} numbers of norm {:.4} in {:.3} ms",
            vector.len(),
            vector.mapv(|x| x * x).sum().sqrt(),
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    Ok(())
}
