//! The header of a `.npy` file: a magic string, a version, and a Python dictionary of three keys.
//!
//! It is parsed here in one pass without recursion: the parsers of Python literals that the `.npy` crates use
//! take time exponential in the nesting (16 brackets: 6 s), and `npyz` multiplies a shape unchecked.

use crate::error::{Error, Result};
use crate::io::rows::{Stored, shape_text};
use crate::io::section::at_path;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The maximum length of the dictionary; NumPy's own limit is 10,000.
const MAX_HEADER: usize = 1 << 16;

/// The contents of a header, checked against the number of bytes of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) fortran: bool,
    /// The offset of the array's bytes.
    pub(crate) start: u64,
    /// The number of bytes that `dtype` and `shape` require, all that the file has; 0 for Python objects.
    pub(crate) bytes: u64,
}

/// A NumPy type string such as `<f4`: byte order, kind and size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dtype {
    pub(crate) text: String,
    pub(crate) big_endian: bool,
    pub(crate) kind: char,
    /// The number of bytes of one item.
    pub(crate) size: usize,
}

impl Dtype {
    fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let (order, kind) = (chars.next()?, chars.next()?);
        let digits: String = chars.as_str().chars().take_while(char::is_ascii_digit).collect();
        let count: usize = if kind == 'O' { 0 } else { digits.parse().ok()? };
        let size = count.checked_mul(if kind == 'U' { 4 } else { 1 })?;
        let known = matches!(order, '<' | '>' | '|') && kind.is_ascii_alphabetic();
        known.then(|| Dtype { text: text.to_owned(), big_endian: order == '>', kind, size })
    }
}

impl Header {
    /// Reads the header of a file of `total` bytes, which errors of the operating system call `path`.
    ///
    /// # Errors
    /// [`Error::Format`] if it is not the header of a plain array, or requires more bytes than there are.
    pub(crate) fn read(reader: &mut impl Read, total: u64, path: &Path) -> Result<Self> {
        let mut preamble = [0; 12];
        let cut = || invalid(format!("the file of {total} bytes ends inside its header"));
        let mut fill = |out: &mut [u8]| {
            reader.read_exact(out).map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => cut(),
                _ => at_path(path)(e),
            })
        };
        fill(&mut preamble[..10])?;
        let (wide, length) = match (preamble.strip_prefix(MAGIC), preamble[6]) {
            (None, _) => return Err(invalid("it does not start with \\x93NUMPY")),
            (_, 1) => (false, usize::from(u16::from_le_bytes([preamble[8], preamble[9]]))),
            (_, 2 | 3) => {
                fill(&mut preamble[10..])?;
                let length = [preamble[8], preamble[9], preamble[10], preamble[11]];
                (true, u32::from_le_bytes(length) as usize)
            }
            (_, other) => return Err(invalid(format!("version {other}: expected 1, 2 or 3"))),
        };
        if length > MAX_HEADER {
            return Err(invalid(format!("a header of {length} bytes: expected at most {MAX_HEADER}")));
        }
        let mut text = vec![0; length];
        fill(&mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| invalid("the header is not text"))?;
        let (dtype, shape, fortran) = dictionary(text)?;
        let start = (if wide { 12 } else { 10 }) + length as u64;
        let mut header = Header { dtype, shape, fortran, start, bytes: 0 };
        header.bytes = header.check(total)?;
        Ok(header)
    }

    fn check(&self, total: u64) -> Result<u64> {
        let Header { dtype, shape, start, .. } = self;
        if dtype.kind == 'O' {
            return Ok(0);
        }
        let held = total.saturating_sub(*start);
        let required = || format!("shape {} of '{}'", shape_text(shape), dtype.text);
        if dtype.size == 0 {
            return Err(invalid(format!("{}: items of 0 bytes", required())));
        }
        // A dimension of 0 must not hide the overflow of the others.
        let most = shape.iter().try_fold(dtype.size as u64, |bytes, n| bytes.checked_mul(*n.max(&1) as u64));
        let Some(most) = most else {
            return Err(invalid(format!("{} is more bytes than fit in 64 bits, got {held}", required())));
        };
        match if shape.contains(&0) { 0 } else { most } {
            bytes if bytes == held => Ok(bytes),
            bytes if bytes < held => Err(invalid(format!(
                "{} is {bytes} bytes, got {held}: is a second array behind it? Save each in a file of its own, or \
                 all with np.savez",
                required()
            ))),
            bytes => {
                Err(invalid(format!("{} is {bytes} bytes, got {held}: the file is cut short", required())))
            }
        }
    }

    /// How its numbers are stored; `None` for a type that descriptors do not have.
    pub(in crate::io) fn stored(&self) -> Option<Stored> {
        match (self.dtype.kind, self.dtype.size) {
            ('f', 2) => Some(Stored::F16),
            ('f', 4) => Some(Stored::F32),
            ('f', 8) => Some(Stored::F64),
            ('u', 1) => Some(Stored::U8),
            _ => None,
        }
    }

    /// How its numbers are stored, if they can be positions: integers too.
    pub(in crate::io) fn number(&self) -> Option<Stored> {
        let size = self.dtype.size as u8;
        match (self.dtype.kind, size) {
            ('i', 1 | 2 | 4 | 8) => Some(Stored::Integer { size, signed: true }),
            ('u', 2 | 4 | 8) => Some(Stored::Integer { size, signed: false }),
            _ => self.stored(),
        }
    }

    /// The error for an array that cannot be used where `allowed` is expected.
    pub(crate) fn refuse(&self, allowed: &str) -> Error {
        let text = &self.dtype.text;
        invalid(if self.dtype.kind == 'O' {
            format!("dtype '{text}' is a pickle of Python objects, which may run code: expected {allowed}")
        } else {
            format!("dtype '{text}': expected {allowed}")
        })
    }

    /// The shape as Python spells it.
    pub(crate) fn shape_text(&self) -> String {
        shape_text(&self.shape)
    }
}

pub(crate) fn invalid(reason: impl Into<String>) -> Error {
    Error::format("npy", reason)
}

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, with the keys in any order.
fn dictionary(text: &str) -> Result<(Dtype, Vec<usize>, bool)> {
    let (mut dtype, mut fortran, mut shape) = (None, None, None);
    let mut tokens = Tokens { rest: text };
    tokens.expect("{")?;
    loop {
        let key = match tokens.next()? {
            "}" => break,
            key => unquoted(key).ok_or_else(|| invalid(format!("header: expected a key, got {key}")))?,
        };
        tokens.expect(":")?;
        match key {
            "descr" => dtype = Some(descr(tokens.next()?)?),
            "fortran_order" => {
                fortran = Some(match tokens.next()? {
                    "True" => true,
                    "False" => false,
                    other => {
                        return Err(invalid(format!("fortran_order: expected True or False, got {other}")));
                    }
                });
            }
            "shape" => shape = Some(tokens.tuple()?),
            other => return Err(invalid(format!("header: unknown key '{other}'"))),
        }
        match tokens.next()? {
            "," => {}
            "}" => break,
            other => return Err(invalid(format!("header: expected a comma, got {other}"))),
        }
    }
    match (dtype, shape, fortran) {
        (Some(dtype), Some(shape), Some(fortran)) => Ok((dtype, shape, fortran)),
        _ => Err(invalid("header: expected the keys descr, fortran_order and shape")),
    }
}

fn descr(token: &str) -> Result<Dtype> {
    match unquoted(token) {
        Some(text) => Dtype::parse(text).ok_or_else(|| invalid(format!("dtype '{text}' is not known"))),
        None => Err(invalid("a structured dtype: expected an array of plain numbers")),
    }
}

fn unquoted(token: &str) -> Option<&str> {
    token.strip_prefix(['\'', '"']).and_then(|rest| rest.strip_suffix(['\'', '"']))
}

/// Splits a header into quoted strings, words or numbers, and single punctuation marks.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Result<&'a str> {
        let text = self.rest.trim_start();
        let first = text.chars().next().ok_or_else(|| invalid("the header ends too early"))?;
        let length = if matches!(first, '\'' | '"') {
            let close = text[1..].find(first).ok_or_else(|| invalid("header: a quote is not closed"))?;
            close + 2
        } else if first.is_alphanumeric() {
            text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len())
        } else {
            first.len_utf8()
        };
        let (token, rest) = text.split_at(length);
        self.rest = rest;
        Ok(token)
    }

    fn expect(&mut self, mark: &str) -> Result<()> {
        match self.next()? {
            token if token == mark => Ok(()),
            other => Err(invalid(format!("header: expected {mark}, got {other}"))),
        }
    }

    /// Parses `()`, `(3,)` or `(3, 4)`.
    fn tuple(&mut self) -> Result<Vec<usize>> {
        let mut numbers = Vec::new();
        self.expect("(")?;
        loop {
            match self.next()? {
                ")" => return Ok(numbers),
                token => numbers.push(token.parse().map_err(|_| {
                    invalid(format!("shape: expected numbers from 0 to {}, got {token}", usize::MAX))
                })?),
            }
            match self.next()? {
                ")" => return Ok(numbers),
                "," => {}
                other => return Err(invalid(format!("shape: expected a comma, got {other}"))),
            }
        }
    }
}
