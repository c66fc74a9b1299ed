//! Reads the descriptors of a file: prints, as JSON, the CPU milliseconds of a round and a checksum of what
//! was read, the sum of the first, middle and last number of each row. `make bench-formats` compares it with
//! h5py.
//!
//!     cargo run --release -p fishervec --features hdf5 --example read -- FILE open|blocks|rows N ROUNDS
//!
//! A round opens the file; `blocks N` reads all rows in blocks of N, `rows N` reads N single rows.

use fishervec::data::{RowBuffer, Source};
use fishervec::io::{RowsOf, SetFile};
use std::sync::OnceLock;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, way, n, rounds] = arguments.as_slice() else {
        return Err("expected FILE WAY N ROUNDS".into());
    };
    let (n, rounds) = (n.parse()?, rounds.parse::<usize>()?);
    let (mut sum, start) = (0.0, seconds());
    for _ in 0..rounds {
        let mut opened = SetFile::open(file)?;
        sum = 0.0;
        for set in opened.sets().to_vec() {
            let rows = opened.rows(&set.array)?.rows::<f32>(set.rows);
            sum += match way.as_str() {
                "open" => 0.0,
                "blocks" => blocks(&rows, n)?,
                _ => single(&rows, n)?,
            };
        }
    }
    let ms = (seconds() - start) * 1e3 / rounds as f64;
    println!("{{\"ms\": {ms}, \"sum\": {sum:?}}}");
    Ok(())
}

fn blocks(set: &RowsOf<f32>, n: usize) -> fishervec::Result<f64> {
    let (d, mut spare, mut sum) = (set.dim(), RowBuffer::default(), 0.0);
    let mut block = vec![0.0; n * d];
    for start in (0..set.n_rows()).step_by(n) {
        let block = &mut block[..n.min(set.n_rows() - start) * d];
        set.read(start, block, &mut spare)?;
        sum += checksum(block, d);
    }
    Ok(sum)
}

/// Rows number 7919 i + 13 modulo n, as the benchmark in Python draws them.
fn single(set: &RowsOf<f32>, n: usize) -> fishervec::Result<f64> {
    let (d, mut spare, mut sum) = (set.dim(), RowBuffer::default(), 0.0);
    let mut row = vec![0.0; d];
    for i in 0..n {
        set.read((7919 * i + 13) % set.n_rows(), &mut row, &mut spare)?;
        sum += checksum(&row, d);
    }
    Ok(sum)
}

/// Cheap beside the reading.
fn checksum(rows: &[f32], d: usize) -> f64 {
    let of = |row: &[f32]| [0, d / 2, d - 1].iter().map(|i| f64::from(row[*i])).sum::<f64>();
    rows.chunks_exact(d).map(of).sum()
}

/// The seconds that this thread has run, which other processes do not change; where the system does not say,
/// the seconds since the first call.
fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = told.and_then(|told| told.split(' ').next()?.parse::<f64>().ok());
    ran.map_or_else(
        || START.get_or_init(Instant::now).elapsed().as_secs_f64(),
        |nanoseconds| nanoseconds / 1e9,
    )
}
