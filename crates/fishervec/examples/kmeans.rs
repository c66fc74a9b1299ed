//! k-means on the first rows of an .npy file: prints, as JSON, the instruction set and the seconds of a fit
//! for each number of iterations, all from the same seeds (0 iterations leaves the seeds), and writes the
//! centres of the last fit.
//! `make bench` compares it with scikit-learn's.
//!
//!     cargo run --release -p fishervec --example kmeans -- FILE OUT ROWS CLUSTERS THREADS ITERATIONS...

use fishervec::Context;
use fishervec::data::OwnedDescriptors;
use fishervec::io::commit;
use fishervec::io::npy::{NpyArray, NpyWriter};
use fishervec::mixture::KMeans;
use fishervec::run::{Isa, Threads};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, out, numbers @ ..] = arguments.as_slice() else { return Err("no FILE or OUT".into()) };
    let numbers = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<usize>, _>>()?;
    let [n_rows, n_clusters, n_threads, iterations @ ..] = numbers.as_slice() else {
        return Err("no ROWS, CLUSTERS or THREADS".into());
    };
    let threads = Threads::new(*n_threads)?;
    let rows = NpyArray::open(file)?.rows()?;
    let sample = OwnedDescriptors::gather(&rows.rows::<f32>(0..*n_rows), &(0..*n_rows).collect::<Vec<_>>())?;
    let (mut seconds, mut centres) = (Vec::new(), None);
    for max_iter in iterations {
        // A negative tolerance never converges.
        let params = KMeans::builder(*n_clusters).max_iter(*max_iter).tol(-1.0);
        let start = Instant::now();
        let fit = params.fit_with(&sample.view(), &mut Context::on(&threads))?;
        seconds.push(start.elapsed().as_secs_f64());
        centres = Some(fit.centres);
    }
    println!("{{\"level\": {:?}, \"seconds\": {seconds:?}}}", Isa::active().name());
    let centres = centres.ok_or("no ITERATIONS")?;
    let mut writer = NpyWriter::create(out, centres.nrows(), centres.ncols())?;
    writer.append(&centres.iter().map(|x| *x as f32).collect::<Vec<_>>())?;
    commit([writer.finish()?])?;
    Ok(())
}
