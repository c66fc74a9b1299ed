//! The numbers that go in and out: one buffer, which the page writes into between two calls.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The numbers that a function returns.
pub(crate) type Answer = Result<Vec<f64>, Box<dyn std::error::Error>>;

struct Buffer {
    numbers: Vec<f64>,
    told: usize,
}

static BUFFER: Mutex<Buffer> = Mutex::new(Buffer { numbers: Vec::new(), told: 0 });

fn buffer() -> MutexGuard<'static, Buffer> {
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the buffer hold that many numbers, and returns where it is.
pub(crate) fn room(numbers: usize) -> *mut f64 {
    let mut buffer = buffer();
    buffer.numbers.resize(numbers, 0.0);
    buffer.numbers.as_mut_ptr()
}

/// The number of bytes of the last message.
pub(crate) fn told() -> usize {
    buffer().told
}

/// Replaces the inputs in the buffer with what `body` makes of them.
pub(crate) fn answer(body: impl FnOnce(&mut Inputs) -> Answer) -> i32 {
    let mut buffer = buffer();
    let answer = body(&mut Inputs { numbers: &buffer.numbers, at: 0 });
    match answer {
        Ok(numbers) => {
            buffer.numbers = numbers;
            i32::try_from(buffer.numbers.len()).unwrap_or(-1)
        }
        Err(error) => {
            let message = error.to_string();
            buffer.told = message.len();
            let word = |bytes: &[u8]| {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                f64::from_le_bytes(word)
            };
            buffer.numbers = message.as_bytes().chunks(8).map(word).collect();
            -1
        }
    }
}

/// The numbers of a call, read from front to back.
pub(crate) struct Inputs<'a> {
    numbers: &'a [f64],
    at: usize,
}

impl<'a> Inputs<'a> {
    /// The next `n` numbers.
    pub(crate) fn take(&mut self, n: usize) -> &'a [f64] {
        let taken = &self.numbers[self.at..self.at + n];
        self.at += n;
        taken
    }
}
