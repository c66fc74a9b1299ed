//! From the value of a pickle to tensors with names.

use super::objects::{Objects, Value, invalid};
use super::pickle::text;
use super::tensor::View;
use crate::error::Result;
use std::collections::BTreeMap;

/// The largest number of dictionaries and lists inside each other.
const MAX_DEPTH: usize = 32;
/// What cuts a batch into sets.
const BOUNDS: [&str; 2] = ["lengths", "offsets"];

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Array {
    Tensor(View),
    /// A list of integers: lengths, offsets or labels.
    Integers(Vec<i64>),
    /// A list of texts: labels.
    Names(Vec<String>),
    /// Something else where a batch has its lengths or offsets.
    Unusable,
    /// So many other values where a batch has its labels.
    Odd(usize),
}

/// What a `.pt` file holds.
#[derive(Debug)]
pub(super) enum Held {
    /// One tensor, without a name.
    Tensor(View),
    /// A dictionary or a list: its tensors, by the path of their names or numbers.
    Arrays(BTreeMap<String, Array>),
}

/// What the value of a pickle holds; numbers, texts and the like beside tensors are left out.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for two tensors of one name, a key that is not a text or a number,
/// and dictionaries that hold themselves.
pub(super) fn held(root: Value, objects: &Objects, pickle: &[u8]) -> Result<Held> {
    if let Value::Tensor(tensor) = root {
        return objects.tensor(tensor).view(objects).map(Held::Tensor);
    }
    let mut walk = Walk { objects, pickle, left: 1024 + 16 * pickle.len(), arrays: BTreeMap::new() };
    walk.enter(root, &mut Vec::new())?;
    Ok(Held::Arrays(walk.arrays))
}

struct Walk<'a> {
    objects: &'a Objects,
    pickle: &'a [u8],
    /// What may still be listed, in entries and in bytes of names: a pickle can refer to one dictionary from
    /// many places, which would have more names than fit in memory.
    left: usize,
    arrays: BTreeMap<String, Array>,
}

impl Walk<'_> {
    /// Adds the tensors in a dictionary, a list or a tuple under the path of keys.
    fn enter(&mut self, value: Value, path: &mut Vec<Value>) -> Result<()> {
        if path.len() > MAX_DEPTH {
            return Err(invalid(format!("dictionaries or lists more than {MAX_DEPTH} deep in each other")));
        }
        let objects = self.objects;
        match value {
            Value::Entries(of) => {
                objects.entries(of).iter().try_for_each(|(key, item)| self.item(*key, *item, path))
            }
            Value::Tuple(of) => {
                let mut items = (0..).map(Value::Int).zip(objects.items(of));
                items.try_for_each(|(key, item)| self.item(key, *item, path))
            }
            _ => Ok(()),
        }
    }

    fn item(&mut self, key: Value, item: Value, path: &mut Vec<Value>) -> Result<()> {
        self.spend(1)?;
        path.push(key);
        match item {
            Value::Tensor(tensor) => {
                let view = self.objects.tensor(tensor).view(self.objects)?;
                self.add(path, Array::Tensor(view))?;
            }
            Value::Entries(_) | Value::Tuple(_) => match self.list_of_batch(path, item)? {
                Some(array) => self.add(path, array)?,
                None => self.enter(item, path)?,
            },
            _ => {
                if self.is_called(path, &BOUNDS)? {
                    self.add(path, Array::Unusable)?;
                }
            }
        }
        path.pop();
        Ok(())
    }

    fn spend(&mut self, amount: usize) -> Result<()> {
        let left = self.left.checked_sub(amount);
        self.left = left.ok_or_else(|| invalid("its dictionaries hold each other or themselves"))?;
        Ok(())
    }

    fn add(&mut self, path: &[Value], array: Array) -> Result<()> {
        let mut parts = Vec::new();
        for key in path {
            let part = match key {
                Value::Text(key) => text(self.pickle, *key)?.to_owned(),
                Value::Int(number) => number.to_string(),
                _ => {
                    return Err(invalid(
                        "the key of a tensor in a dictionary: expected a text or an integer",
                    ));
                }
            };
            self.spend(part.len())?;
            parts.push(part);
        }
        let name = parts.join("/");
        match self.arrays.insert(name.clone(), array) {
            None => Ok(()),
            Some(_) => Err(invalid(format!("two tensors have the name {name}"))),
        }
    }

    /// Whether the path is one of these names, at the root.
    fn is_called(&self, path: &[Value], names: &[&str]) -> Result<bool> {
        let [Value::Text(key)] = path else { return Ok(false) };
        let key = text(self.pickle, *key)?;
        Ok(names.iter().any(|name| key.eq_ignore_ascii_case(name)))
    }

    /// The lengths, offsets or labels of a batch, if they are a list.
    fn list_of_batch(&self, path: &[Value], list: Value) -> Result<Option<Array>> {
        let is_bounds = self.is_called(path, &BOUNDS)?;
        if !is_bounds && !self.is_called(path, &["y"])? {
            return Ok(None);
        }
        let items: Vec<Value> = match list {
            Value::Entries(of) => self.objects.entries(of).iter().map(|(_, item)| *item).collect(),
            Value::Tuple(of) => self.objects.items(of).to_vec(),
            _ => return Ok(None),
        };
        let integer = |item: &Value| if let Value::Int(n) = item { Some(*n) } else { None };
        if let Some(integers) = items.iter().map(integer).collect() {
            return Ok(Some(Array::Integers(integers)));
        }
        let name = |item: &Value| if let Value::Text(name) = item { Some(*name) } else { None };
        match items.iter().map(name).collect::<Option<Vec<_>>>() {
            Some(names) if !is_bounds => {
                let owned = |name| text(self.pickle, name).map(str::to_owned);
                names.into_iter().map(owned).collect::<Result<_>>().map(|names| Some(Array::Names(names)))
            }
            _ if is_bounds => Ok(Some(Array::Unusable)),
            _ if items.iter().any(Value::may_hold_tensors) => Ok(None),
            _ => Ok(Some(Array::Odd(items.len()))),
        }
    }
}
