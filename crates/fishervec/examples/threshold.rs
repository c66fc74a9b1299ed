//! What the posterior threshold and the float type cost: the relative L2 error of the Fisher vectors of the
//! sets of an archive against `f64` without threshold, before and after power 0.5 and L2, and how many
//! components a descriptor keeps.
//!
//!     cargo run --release -p fishervec --example threshold -- data/demo/digits.npz 32 256

use fishervec::data::Real;
use fishervec::encode::{FisherParams, Norm};
use fishervec::io::{FileRows, SetFile, SetInFile};
use fishervec::run::{Threads, Workspace};
use fishervec::{Encode, FisherVector, GaussianMixture, Result};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: threshold FILE K...")?;
    let mut archive = SetFile::open(&path)?;
    let sets: Vec<SetInFile> = archive.sets().to_vec();
    let rows = archive.rows(&sets.first().ok_or("no sets in the file")?.array)?;
    println!("{} sets, {} descriptors of {} columns", sets.len(), rows.n_rows(), rows.dim());
    println!(
        "{:>5} {:>9} {:>5} {:>13} {:>13} {:>13} {:>6}",
        "K", "threshold", "float", "median error", "largest error", "power + L2", "kept"
    );
    for k in arguments {
        let all = rows.rows::<f64>(0..rows.n_rows());
        let mixture = GaussianMixture::builder(k.parse()?).fit(&all)?;
        let params = FisherParams { power: 1.0, norm: Norm::None, ..Default::default() };
        let encoder = FisherVector::with_params(mixture, params)?;
        let (exact, _) = encode::<f64>(&encoder, &rows, &sets, 0.0)?;
        for threshold in [0.0, 1e-14, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-2, 1.0] {
            show::<f32>(&encoder, &rows, &sets, threshold, &exact)?;
            show::<f64>(&encoder, &rows, &sets, threshold, &exact)?;
        }
    }
    Ok(())
}

/// The vectors of all sets, and the mean number of components a descriptor keeps.
fn encode<F: Real>(
    encoder: &FisherVector,
    rows: &FileRows,
    sets: &[SetInFile],
    threshold: f64,
) -> Result<(Vec<Vec<f64>>, f64)> {
    let (mut vectors, mut dropped, mut n) = (Vec::new(), 0.0, 0.0);
    let (threads, workspace) = (Threads::one(), Workspace::default());
    for set in sets {
        let source = rows.rows::<F>(set.rows.clone());
        let statistics = encoder.gmm().accumulate(&source, Some(threshold), &threads, &workspace)?;
        let mut out = vec![0.0; encoder.output_dim()];
        encoder.encode_statistics(&statistics, &mut out)?;
        vectors.push(out);
        dropped += if threshold > 0.0 { statistics.dropped_bound() / threshold } else { 0.0 };
        n += statistics.n();
    }
    Ok((vectors, encoder.gmm().n_components() as f64 - dropped / n))
}

fn show<F: Real>(
    encoder: &FisherVector,
    rows: &FileRows,
    sets: &[SetInFile],
    threshold: f64,
    exact: &[Vec<f64>],
) -> Result<()> {
    let (vectors, kept) = encode::<F>(encoder, rows, sets, threshold)?;
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let error = |(vector, exact): (&Vec<f64>, &Vec<f64>)| {
        norm(&mut vector.iter().zip(exact).map(|(a, b)| a - b)) / norm(&mut exact.iter().copied())
    };
    let mut errors: Vec<f64> = vectors.iter().zip(exact).map(error).collect();
    errors.sort_by(f64::total_cmp);
    let (median, largest) = (errors[errors.len() / 2], errors[errors.len() - 1]);
    let k = encoder.gmm().n_components();
    let improved = |vector: &Vec<f64>| {
        let root: Vec<f64> = vector.iter().map(|x| x.abs().sqrt().copysign(*x)).collect();
        let length = norm(&mut root.iter().copied());
        root.into_iter().map(|x| x / length).collect::<Vec<f64>>()
    };
    let after = vectors.iter().zip(exact).map(|(vector, exact)| error((&improved(vector), &improved(exact))));
    let after = after.fold(0.0, f64::max);
    println!(
        "{k:>5} {threshold:>9.0e} {:>5} {median:>13.1e} {largest:>13.1e} {after:>13.1e} {kept:>6.1}",
        F::NAME
    );
    Ok(())
}
