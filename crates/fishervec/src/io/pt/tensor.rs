//! Tensors: which numbers of which storage they are.

use super::dtype::Dtype;
use super::objects::{Global, Items, Objects, Storage, Tensor, Value, invalid};
use crate::error::Result;
use crate::io::rows::{Order, shape_text};

/// The largest number of dimensions, as in PyTorch.
const MAX_RANK: usize = 64;

impl Tensor {
    /// The tensor of (storage, offset, shape, strides, ...), with the type of its numbers as item 6 if it is
    /// `typed`; `None` for anything else.
    pub(super) fn of(items: &[Value], typed: bool, objects: &Objects) -> Option<Self> {
        let [
            Value::Storage(storage),
            Value::Int(offset),
            Value::Tuple(shape),
            Value::Tuple(strides),
            rest @ ..,
        ] = items
        else {
            return None;
        };
        let dtype = match (typed, rest.get(2)) {
            (false, _) => objects.storage(*storage).dtype?,
            (true, Some(Value::Global(Global::Dtype(dtype)))) => dtype,
            _ => return None,
        };
        let offset = u64::try_from(*offset).ok()?;
        Some(Tensor { storage: *storage, dtype, offset, shape: *shape, strides: *strides })
    }

    /// The view that it is.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for sizes that no tensor has.
    pub(super) fn view(&self, objects: &Objects) -> Result<View> {
        let sizes = |items: Items| -> Option<Vec<usize>> {
            let size = |item: &Value| match item {
                Value::Int(n) => usize::try_from(*n).ok(),
                _ => None,
            };
            objects.items(items).iter().map(size).collect()
        };
        let (shape, strides) = (sizes(self.shape), sizes(self.strides));
        match (shape, strides) {
            (Some(shape), Some(strides)) if shape.len() == strides.len() && shape.len() <= MAX_RANK => {
                let storage = objects.storage(self.storage);
                Ok(View { storage, dtype: self.dtype, offset: self.offset, shape, strides })
            }
            _ => Err(invalid(format!(
                "the shape and strides of a tensor: expected sizes, of at most {MAX_RANK} dimensions"
            ))),
        }
    }
}

/// Some numbers of a storage, as a tensor.
#[derive(Debug)]
pub(super) struct View {
    pub(super) storage: Storage,
    pub(super) dtype: &'static Dtype,
    pub(super) shape: Vec<usize>,
    offset: u64,
    strides: Vec<usize>,
}

/// Where the numbers of a tensor are in its storage, in bytes, and their order.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) order: Order,
}

impl View {
    /// Where its numbers are in its storage, which must have `held` bytes.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the storage has others, or does not hold the numbers, or
    /// they do not follow each other.
    pub(super) fn place(&self, held: u64) -> Result<Place> {
        let Storage { dtype, len, .. } = self.storage;
        if len.checked_mul(dtype.map_or(1, |dtype| dtype.size as u64)) != Some(held) {
            let unit = dtype.map_or("bytes", |dtype| dtype.name);
            return Err(invalid(format!("its storage has {held} bytes: expected {len} {unit}")));
        }
        let size = self.dtype.size as u64;
        // A dimension of 0 must not hide the overflow of the others.
        let most = self.shape.iter().try_fold(size, |bytes, n| bytes.checked_mul(*n.max(&1) as u64));
        let len = most.map(|most| if self.shape.contains(&0) { 0 } else { most });
        let start = self.offset.checked_mul(size);
        let end = start.zip(len).and_then(|(start, len)| start.checked_add(len));
        let order = self.order(len == Some(0)).ok_or_else(|| {
            invalid(format!(
                "{} with strides {} is not contiguous: save tensor.contiguous()",
                self.text(),
                shape_text(&self.strides)
            ))
        })?;
        match (start, len, end) {
            (Some(start), Some(len), Some(end)) if end <= held => Ok(Place { start, len, order }),
            _ => Err(invalid(format!(
                "{} from number {} on reaches past its storage of {held} bytes",
                self.text(),
                self.offset
            ))),
        }
    }

    /// The order of its numbers; `None` if there are others between them.
    fn order(&self, empty: bool) -> Option<Order> {
        let steps = self.shape.iter().copied().zip(self.strides.iter().copied());
        if empty || follow_each_other(steps.clone().rev()) {
            return Some(Order::C);
        }
        follow_each_other(steps).then_some(Order::Fortran)
    }

    fn text(&self) -> String {
        format!("shape {} of {}", shape_text(&self.shape), self.dtype.name)
    }
}

/// Whether there is nothing between numbers of these (sizes, strides), the fastest dimension first.
fn follow_each_other(steps: impl Iterator<Item = (usize, usize)>) -> bool {
    let mut next = Some(1_usize);
    steps.filter(|(n, _)| *n != 1).all(|(n, stride)| {
        let follows = next == Some(stride);
        next = next.and_then(|next| next.checked_mul(n));
        follows
    })
}
