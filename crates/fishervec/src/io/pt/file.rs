//! Descriptors in a `.pt` file: its tensors, read at positions.

use super::dtype::Dtype;
use super::objects::invalid;
use super::pickle::{load, text};
use super::tensor::View;
use super::walk::{Array, Held, held};
use crate::error::{Error, Result};
use crate::io::archive::{Member, Zip};
use crate::io::container::{ArrayInfo, Container, Contents, contents};
use crate::io::npy::{Labels, integer};
use crate::io::rows::{FileRows, Order, Stored, rows_and_columns, shape_text};
use crate::io::section::{Section, in_file};
use crate::io::set::{ArrayNames, SetInFile};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest size of a pickle; that of a hundred thousand tensors is a sixth of it.
const MAX_PICKLE: u64 = 1 << 26;
/// How a file of PyTorch before 1.6 begins: a pickle of a magic number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// An open `.pt` file: what its pickle says, and the sets in it.
#[derive(Debug)]
pub(in crate::io) struct TorchFile {
    tensors: Tensors,
    contents: Contents,
}

impl TorchFile {
    /// Opens the file at `path` and reads its pickle; the names are those of tensors.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is damaged, or asks for more
    /// than tensors; [`Error::Arrays`] if it is not clear which tensor holds descriptors; those of a batch.
    pub(in crate::io) fn open(path: &Path, names: ArrayNames<'_>) -> Result<Self> {
        let file = Section::open(path)?;
        let read = || {
            let mut tensors = Tensors::open(file)?;
            let contents = match &tensors.held {
                Held::Arrays(_) => contents(&mut tensors, names)?,
                Held::Tensor(_) => {
                    refuse_names(names)?;
                    vec![tensors.only_set(path)?].into()
                }
            };
            Ok(TorchFile { tensors, contents })
        };
        read().map_err(in_file(path))
    }

    pub(in crate::io) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(in crate::io) fn rows(&mut self, name: &str) -> Result<FileRows> {
        self.rows_of(name, |dtype| dtype.stored)
    }

    /// A tensor of positions, which may be integers.
    pub(in crate::io) fn positions(&mut self, name: &str) -> Result<FileRows> {
        self.rows_of(name, Dtype::number)
    }

    fn rows_of(&mut self, name: &str, stored: impl Fn(&Dtype) -> Option<Stored>) -> Result<FileRows> {
        let path = self.tensors.parts.zip.file.path().to_owned();
        let place = |error: Error| match name {
            "" => error,
            name => error.at(format!("tensor {name}")),
        };
        self.tensors.rows(name, stored).map_err(|error| in_file(&path)(place(error)))
    }
}

/// The tensors of a file.
#[derive(Debug)]
struct Tensors {
    parts: Parts,
    held: Held,
}

/// The archive, which holds the numbers of the tensors.
#[derive(Debug)]
struct Parts {
    zip: Zip,
    /// The folder that all its members are in.
    folder: String,
    pickle: Vec<u8>,
    big_endian: bool,
}

impl Tensors {
    fn open(file: Section) -> Result<Self> {
        check_start(&file)?;
        let mut zip = Zip::open(file, "pt")?;
        let folder = folder(&zip)?;
        let pickle = read(&mut zip, &format!("{folder}/data.pkl"), MAX_PICKLE)?
            .ok_or_else(|| invalid("there is no data.pkl in it"))?;
        let big_endian = match read(&mut zip, &format!("{folder}/byteorder"), 16)?.as_deref() {
            None | Some(b"little") => false,
            Some(b"big") => true,
            Some(_) => return Err(invalid("its byteorder: expected little or big")),
        };
        let (root, objects) = load(&pickle)?;
        let held = held(root, &objects, &pickle)?;
        Ok(Tensors { parts: Parts { zip, folder, pickle, big_endian }, held })
    }

    /// The set of a file that holds one tensor.
    fn only_set(&mut self, path: &Path) -> Result<SetInFile> {
        let rows = self.rows("", |dtype| dtype.stored)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (n_rows, dim, is_f64) = (rows.n_rows(), rows.dim(), rows.is_f64());
        Ok(SetInFile {
            name,
            array: String::new(),
            rows: 0..n_rows,
            dim,
            n_positions: 0,
            positions: None,
            is_f64,
        })
    }

    fn rows(&mut self, name: &str, stored: impl Fn(&Dtype) -> Option<Stored>) -> Result<FileRows> {
        let view = match &self.held {
            Held::Tensor(view) => view,
            Held::Arrays(arrays) => match arrays.get(name) {
                Some(Array::Tensor(view)) => view,
                _ => return Err(invalid("there is no such tensor")),
            },
        };
        let (shape, dtype) = (&view.shape, view.dtype.name);
        if let ([0], Some(stored)) = (&shape[..], stored(view.dtype)) {
            return Ok(FileRows::nothing(self.parts.zip.file.clone(), stored));
        }
        match (rows_and_columns(shape), stored(view.dtype)) {
            (Some(shape), Some(stored)) => {
                let (data, order) = self.parts.data(view)?;
                Ok(FileRows::new(data, shape, stored, self.parts.big_endian, order))
            }
            (None, _) => {
                let got = shape_text(shape);
                Err(invalid(format!("expected shape (n, d) with d at least 1, got {got} of {dtype}")))
            }
            (_, None) => {
                Err(invalid(format!("{dtype}: expected float16, bfloat16, float32, float64 or uint8")))
            }
        }
    }
}

impl Parts {
    /// The numbers of a tensor, and their order.
    fn data(&mut self, view: &View) -> Result<(Section, Order)> {
        let key = text(&self.pickle, view.storage.key)?;
        let storage = stored(&mut self.zip, &format!("{}/data/{key}", self.folder))?;
        let storage = storage.ok_or_else(|| invalid(format!("its storage data/{key} is missing")))?;
        let place = view.place(storage.len())?;
        let data = storage.slice(place.start, place.len);
        data.map(|data| (data, place.order)).ok_or_else(|| invalid("it reaches past its storage"))
    }

    fn info(&mut self, name: &str, array: &Array) -> Result<ArrayInfo> {
        let info = |shape: &[usize], dtype: &str, stored, readable| ArrayInfo {
            name: name.to_owned(),
            shape: shape.to_vec(),
            dtype: dtype.to_owned(),
            stored,
            readable,
        };
        Ok(match array {
            Array::Integers(list) => info(&[list.len()], "list of integers", None, true),
            Array::Names(list) => info(&[list.len()], "list of texts", None, true),
            Array::Odd(n) => info(&[*n], "list of other values", None, true),
            Array::Unusable => info(&[], "neither a tensor nor a list of integers", None, false),
            Array::Tensor(view) => match self.data(view) {
                Ok(_) => info(&view.shape, view.dtype.name, view.dtype.stored, true),
                Err(Error::Format { reason, .. }) => info(&[], &reason, None, false),
                Err(error) => return Err(error),
            },
        })
    }
}

impl Container for Tensors {
    fn arrays(&mut self) -> Result<Vec<ArrayInfo>> {
        let Tensors { parts, held } = self;
        let none = BTreeMap::new();
        let arrays = if let Held::Arrays(arrays) = held { arrays } else { &none };
        arrays.iter().map(|(name, array)| parts.info(name, array)).collect()
    }

    fn integers(&mut self, array: &str) -> Result<Vec<i64>> {
        let wrong = |got: &str| invalid(format!("tensor {array}: expected integers, shape (n,), got {got}"));
        let view = match &self.held {
            Held::Arrays(arrays) => match arrays.get(array) {
                Some(Array::Tensor(view)) => view,
                Some(Array::Integers(list)) => return Ok(list.clone()),
                Some(Array::Names(_)) => return Err(wrong("texts")),
                _ => return Err(wrong("something else")),
            },
            Held::Tensor(view) => view,
        };
        let (Some(signed), [_]) = (view.dtype.is_signed(), &view.shape[..]) else {
            return Err(wrong(&format!("{} of {}", shape_text(&view.shape), view.dtype.name)));
        };
        let (data, _) = self.parts.data(view)?;
        let mut bytes = vec![0; data.len() as usize];
        data.read_at(0, &mut bytes)?;
        let fits = |item: &[u8]| integer(item, signed, self.parts.big_endian);
        let all: Option<Vec<i64>> = bytes.chunks_exact(view.dtype.size).map(fits).collect();
        all.ok_or_else(|| invalid(format!("tensor {array}: a number does not fit a 64-bit signed integer")))
    }

    fn labels(&mut self, array: &str) -> Result<Labels> {
        if let Held::Arrays(arrays) = &self.held {
            match arrays.get(array) {
                Some(Array::Names(names)) => return Ok(Labels::Names(names.clone())),
                Some(Array::Odd(_)) => {
                    let reason =
                        format!("{array}: expected a label for each set, integers or texts, got others");
                    return Err(invalid(reason));
                }
                _ => {}
            }
        }
        self.integers(array).map(Labels::Integers)
    }
}

/// Refuses to look for names in a file of one tensor, which has none.
fn refuse_names(names: ArrayNames<'_>) -> Result<()> {
    let asked = [(names.descriptors, "array"), (names.positions, "positions")];
    match asked.into_iter().find_map(|(name, option)| Some((name?, option))) {
        None => Ok(()),
        Some((name, option)) => Err(invalid(format!(
            "there is no array {name}: the file holds one tensor without a name; leave out --{option}"
        ))),
    }
}

/// Refuses what is not a zip archive.
fn check_start(file: &Section) -> Result<()> {
    let mut start = vec![0; LEGACY.len().min(file.len() as usize)];
    file.read_at(0, &mut start)?;
    if start == LEGACY {
        return Err(invalid(
            "the format of PyTorch before 1.6: in Python, torch.save(torch.load(path), path) writes that of today",
        ));
    }
    match start.starts_with(b"PK") {
        true => Ok(()),
        false => {
            Err(invalid("it is not a zip archive: expected what torch.save of PyTorch 1.6 or later writes"))
        }
    }
}

/// The folder that the members are in, which is that of the pickle.
fn folder(zip: &Zip) -> Result<String> {
    let folder_of = |name: String| name.strip_suffix("/data.pkl").map(str::to_owned);
    let folder = zip.names().filter_map(folder_of).find(|folder| !folder.contains('/'));
    let folder = folder.ok_or_else(|| {
        invalid("there is no data.pkl in it: expected what torch.save writes, a zip archive")
    })?;
    match zip.names().any(|name| name == format!("{folder}/constants.pkl")) {
        false => Ok(folder),
        true => Err(invalid(
            "a TorchScript archive, which holds a program: in Python, torch.save(tensor, path), or a dictionary of \
             tensors",
        )),
    }
}

/// The bytes of a member; `None` if there is none of that name.
fn stored(zip: &mut Zip, name: &str) -> Result<Option<Section>> {
    match zip.member(name)? {
        None => Ok(None),
        Some(Member::Stored(bytes)) => Ok(Some(bytes)),
        Some(Member::Deflated { .. }) => Err(invalid(format!(
            "{name} is compressed, which torch.save never does: in Python, torch.save(torch.load(path), path)"
        ))),
    }
}

/// The bytes of a small member, read whole.
fn read(zip: &mut Zip, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let Some(bytes) = stored(zip, name)? else { return Ok(None) };
    if bytes.len() > most {
        return Err(invalid(format!("{name} has {} bytes: expected at most {most}", bytes.len())));
    }
    let mut out = vec![0; bytes.len() as usize];
    bytes.read_at(0, &mut out)?;
    Ok(Some(out))
}
