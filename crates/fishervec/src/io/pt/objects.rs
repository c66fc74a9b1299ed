//! What the pickle of a `.pt` file may hold.

use super::dtype::Dtype;
use crate::error::{Error, Result};

/// The largest number of objects of one kind: of a hostile pickle no more memory is asked for.
const MAX_OBJECTS: usize = 1 << 20;
/// The largest number of items of tuples: a tensor has 16.
const MAX_ITEMS: usize = 1 << 22;

/// A value. It is small and is copied; what it holds is in [`Objects`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Int(i64),
    Text(Text),
    Global(Global),
    Tuple(Items),
    /// A dictionary, or a list, whose keys are the numbers of its items.
    Entries(u32),
    Storage(u32),
    Tensor(u32),
    /// None, a boolean, a float, bytes: nothing that descriptors are read from.
    Other,
}

impl Value {
    /// Whether it is a tensor, or a list or the like that may hold some.
    pub(super) fn may_hold_tensors(&self) -> bool {
        matches!(self, Value::Tensor(_) | Value::Entries(_) | Value::Tuple(_))
    }
}

/// A text: the bytes of the pickle from `start` to `end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The items of a tuple: `len` of [`Objects`], from `start` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items {
    start: u32,
    len: u32,
}

/// A Python object that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// The class of a storage: of numbers of a type, or of bytes.
    Storage(Option<&'static Dtype>),
    Dtype(&'static Dtype),
    /// A tensor of a storage, the type of its numbers last (`_v3`) or that of the storage.
    Rebuild {
        typed: bool,
    },
    Parameter,
    /// A shape, a device, bytes, a set: what it would return is ignored.
    Ignored,
}

impl Global {
    /// The object of that name, if it is one of those that describe tensors.
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Global::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => {
                Some(Global::Rebuild { typed: false })
            }
            ("torch._utils", "_rebuild_tensor_v3") => Some(Global::Rebuild { typed: true }),
            ("torch._utils", "_rebuild_parameter") => Some(Global::Parameter),
            ("torch.storage", "UntypedStorage") => Some(Global::Storage(None)),
            ("torch", "Size" | "device")
            | ("_codecs", "encode")
            | ("__builtin__" | "builtins", "set" | "frozenset") => Some(Global::Ignored),
            ("torch", name) => match Dtype::of_storage(name) {
                Some(dtype) => Some(Global::Storage(Some(dtype))),
                None => Dtype::named(name).map(Global::Dtype),
            },
            _ => None,
        }
    }
}

/// The numbers of one or more tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage {
    /// The name of the member of the archive.
    pub(super) key: Text,
    /// The type of its numbers; bytes of no type otherwise.
    pub(super) dtype: Option<&'static Dtype>,
    /// The number of numbers, or of bytes.
    pub(super) len: u64,
}

/// A tensor, as the pickle describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensor {
    pub(super) storage: u32,
    pub(super) dtype: &'static Dtype,
    /// The number of its first number in the storage.
    pub(super) offset: u64,
    pub(super) shape: Items,
    pub(super) strides: Items,
}

/// Everything that the values of a pickle refer to.
#[derive(Debug, Default)]
pub(super) struct Objects {
    items: Vec<Value>,
    entries: Vec<Vec<(Value, Value)>>,
    n_entries: usize,
    storages: Vec<Storage>,
    tensors: Vec<Tensor>,
}

impl Objects {
    pub(super) fn add_tuple(&mut self, items: &[Value]) -> Result<Value> {
        let (start, len) = (self.items.len(), items.len());
        check(start + len, MAX_ITEMS)?;
        self.items.extend_from_slice(items);
        Ok(Value::Tuple(Items { start: start as u32, len: len as u32 }))
    }

    pub(super) fn add_entries(&mut self) -> Result<Value> {
        self.entries.push(Vec::new());
        check_room(self.entries.len())?;
        Ok(Value::Entries(self.entries.len() as u32 - 1))
    }

    pub(super) fn add_storage(&mut self, storage: Storage) -> Result<Value> {
        self.storages.push(storage);
        check_room(self.storages.len())?;
        Ok(Value::Storage(self.storages.len() as u32 - 1))
    }

    pub(super) fn add_tensor(&mut self, tensor: Tensor) -> Result<Value> {
        self.tensors.push(tensor);
        check_room(self.tensors.len())?;
        Ok(Value::Tensor(self.tensors.len() as u32 - 1))
    }

    /// Puts an item into a dictionary; or at the end of a list, where it has no key.
    pub(super) fn put(&mut self, into: u32, key: Option<Value>, item: Value) -> Result<()> {
        self.n_entries += 1;
        check_room(self.n_entries)?;
        let entries = &mut self.entries[into as usize];
        let key = key.unwrap_or(Value::Int(entries.len() as i64));
        entries.push((key, item));
        Ok(())
    }

    /// The items of a tuple.
    pub(super) fn items(&self, tuple: Items) -> &[Value] {
        &self.items[tuple.start as usize..][..tuple.len as usize]
    }

    /// The keys and items of a dictionary or a list.
    pub(super) fn entries(&self, of: u32) -> &[(Value, Value)] {
        &self.entries[of as usize]
    }

    pub(super) fn storage(&self, number: u32) -> Storage {
        self.storages[number as usize]
    }

    pub(super) fn tensor(&self, number: u32) -> Tensor {
        self.tensors[number as usize]
    }
}

/// Checks that there may be `n` objects of a kind.
pub(super) fn check_room(n: usize) -> Result<()> {
    check(n, MAX_OBJECTS)
}

fn check(n: usize, most: usize) -> Result<()> {
    match n <= most {
        true => Ok(()),
        false => Err(invalid(format!("its pickle holds more than {most} objects of one kind"))),
    }
}

pub(super) fn invalid(reason: impl Into<String>) -> Error {
    Error::format("pt", reason)
}
