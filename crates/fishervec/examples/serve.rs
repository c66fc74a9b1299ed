//! Serves encodings: loads a model once and answers each connection on a thread of its own.
//!
//!     cargo run --release -p fishervec --example serve -- model.safetensors 127.0.0.1:7878
//!
//! A request is the number of descriptors of a set as u32, then their numbers as f32, row after row; the
//! answer is the length of the vector as u32, then its numbers as f32. A set that cannot be encoded has the
//! answer 0, and the connection ends. All numbers are little endian. Port 0 is a free port; the address is
//! printed. `docs/gallery/plot_8_rust.py` fits the model and asks.

use fishervec::Pipeline;
use fishervec::data::Descriptors;
use fishervec::run::{Threads, Workspace};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

/// The most bytes of one request, so that a wrong number of descriptors does not take all memory.
const MAX_BYTES: usize = 1 << 28;

fn main() -> ExitCode {
    serve().map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, address] = arguments.as_slice() else { return Err("usage: serve MODEL ADDRESS".into()) };
    let pipeline = Pipeline::load(model)?;
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    // A pipeline never changes, so all threads share this one.
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            let pipeline = &pipeline;
            scope.spawn(move || {
                if let Err(error) = stream.map_err(Into::into).and_then(|stream| answer(stream, pipeline)) {
                    eprintln!("{error}");
                }
            });
        }
    });
    Ok(())
}

/// Answers the requests of one connection until it ends.
fn answer(mut stream: TcpStream, pipeline: &Pipeline) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    // What an encoding needs is kept for the next one. Its set runs on this thread alone: there are others.
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let mut vector = vec![0.0; pipeline.output_dim()];
    while let Some(numbers) = request(&mut stream, pipeline.input_dim())? {
        let set = Descriptors::from_slice(&numbers, pipeline.input_dim())?;
        if let Err(error) = pipeline.encode_into(&set, &mut vector, &threads, &workspace) {
            stream.write_all(&0_u32.to_le_bytes())?;
            return Err(error.into());
        }
        let mut bytes = (vector.len() as u32).to_le_bytes().to_vec();
        bytes.extend(vector.iter().flat_map(|x: &f32| x.to_le_bytes()));
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// The numbers of the next set, or none if the connection has ended.
fn request(stream: &mut TcpStream, dim: usize) -> io::Result<Option<Vec<f32>>> {
    let mut n = [0; 4];
    match stream.read_exact(&mut n) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let n = u32::from_le_bytes(n) as usize;
    let size = n.checked_mul(4 * dim).filter(|size| *size <= MAX_BYTES);
    let size = size.ok_or_else(|| {
        let message =
            format!("expected at most {MAX_BYTES} bytes per request, got {n} descriptors of {dim} columns");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })?;
    let mut bytes = vec![0; size];
    stream.read_exact(&mut bytes)?;
    Ok(Some(bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect()))
}
