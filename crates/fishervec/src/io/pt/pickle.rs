//! Pickles as `torch.save` writes them: the opcodes that build plain values and describe tensors.

use super::objects::{Global, Objects, Storage, Tensor, Text, Value, check_room, invalid};
use crate::error::{Error, Result};
use crate::io::npy::integer;
use std::collections::HashMap;

/// The largest length of a name in an error.
const SHOWN: usize = 200;
/// The highest version of the protocol of pickles.
const PROTOCOL: u8 = 5;

/// The value that a pickle describes.
///
/// # Errors
/// [`Error::Format`] for a damaged pickle, and for one that asks for anything but plain values and tensors.
pub(super) fn load(bytes: &[u8]) -> Result<(Value, Objects)> {
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        objects: Objects::default(),
    };
    loop {
        if let Some(root) = machine.step()? {
            return Ok((root, machine.objects));
        }
    }
}

/// A text of a pickle.
///
/// # Errors
/// [`Error::Format`] for text that is not Unicode.
pub(super) fn text(pickle: &[u8], text: Text) -> Result<&str> {
    let bytes = &pickle[text.start as usize..text.end as usize];
    std::str::from_utf8(bytes).map_err(|_| invalid("a text of its pickle is not Unicode"))
}

/// The machine that a pickle is a program for. No value holds another, so nothing here recurses.
struct Machine<'a> {
    bytes: &'a [u8],
    /// The position in the pickle.
    at: usize,
    stack: Vec<Value>,
    /// The heights of the stack where marks are.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    objects: Objects,
}

impl<'a> Machine<'a> {
    /// Does what the next opcode says; the value of the whole pickle, if it was the last.
    fn step(&mut self) -> Result<Option<Value>> {
        match self.byte()? {
            b'.' => return self.pop().map(Some),
            0x80 => self.protocol()?,
            0x95 => self.skip(8)?,
            b'(' => {
                self.marks.push(self.stack.len());
                check_room(self.marks.len())?;
            }
            b'N' | 0x88 | 0x89 => self.push(Value::Other)?,
            b'G' => self.other(8)?,
            b'K' => self.int(1)?,
            b'M' => self.int(2)?,
            b'J' => {
                let number = self.number(4)? as u32;
                self.push(Value::Int(i64::from(number.cast_signed())))?;
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            0x8c | b'U' => self.text(1)?,
            b'X' | b'T' => self.text(4)?,
            0x8d => self.text(8)?,
            b'C' => self.sized(1)?,
            b'B' => self.sized(4)?,
            0x8e | 0x96 => self.sized(8)?,
            b'}' | b']' => {
                let entries = self.objects.add_entries()?;
                self.push(entries)?;
            }
            b')' => self.tuple(self.stack.len())?,
            byte @ 0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(byte - 0x84));
                self.tuple(from.filter(|from| *from >= self.floor()).ok_or_else(|| self.damaged())?)?;
            }
            b't' => {
                let mark = self.mark()?;
                self.tuple(mark)?;
            }
            b'a' => self.append(self.stack.len().saturating_sub(1))?,
            b'e' => {
                let mark = self.mark()?;
                self.append(mark)?;
            }
            b's' => self.set_items(self.stack.len().saturating_sub(2))?,
            b'u' => {
                let mark = self.mark()?;
                self.set_items(mark)?;
            }
            0x8f => self.push(Value::Other)?,
            0x90 => {
                let mark = self.mark()?;
                self.stack.truncate(mark);
            }
            0x91 => {
                let mark = self.mark()?;
                self.stack.truncate(mark);
                self.push(Value::Other)?;
            }
            b'q' => self.memorise(1)?,
            b'r' => self.memorise(4)?,
            0x94 => {
                let (next, top) = (self.memo.len() as u32, self.top()?);
                self.memo.insert(next, top);
                check_room(self.memo.len())?;
            }
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(self.damaged());
                };
                self.global(text(self.bytes, module)?, text(self.bytes, name)?)?;
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            // The state of a dictionary: what a model notes beside its tensors.
            b'b' => match (self.pop()?, self.top()?) {
                (_, Value::Entries(_)) => {}
                _ => return Err(self.damaged()),
            },
            other => {
                let (opcode, at) = (other.escape_ascii(), self.at - 1);
                return Err(invalid(format!(
                    "its pickle asks for opcode {opcode} at byte {at}, which no tensor needs: {CURE}"
                )));
            }
        }
        Ok(None)
    }

    fn damaged(&self) -> Error {
        invalid(format!("its pickle is damaged before byte {}", self.at))
    }

    /// The next `n` bytes.
    fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        let left = &self.bytes[self.at..];
        let taken = usize::try_from(n).ok().and_then(|n| left.get(..n));
        let taken = taken.ok_or_else(|| invalid("its pickle ends too early"))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn skip(&mut self, n: u64) -> Result<()> {
        self.take(n).map(|_| ())
    }

    /// An unsigned number of `size` bytes.
    fn number(&mut self, size: u64) -> Result<u64> {
        Ok(self.take(size)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The rest of a line.
    fn line(&mut self) -> Result<&'a str> {
        let left = &self.bytes[self.at..];
        let end = left.iter().position(|byte| *byte == b'\n').ok_or_else(|| self.damaged())?;
        self.at += end + 1;
        std::str::from_utf8(&left[..end]).map_err(|_| self.damaged())
    }

    fn push(&mut self, value: Value) -> Result<()> {
        self.stack.push(value);
        check_room(self.stack.len())
    }

    /// The height of the stack below which nothing may be taken: the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn top(&self) -> Result<Value> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(|| self.damaged())
    }

    /// Takes the last mark away, and returns the height of the stack there.
    fn mark(&mut self) -> Result<usize> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        mark.ok_or_else(|| self.damaged())
    }

    fn protocol(&mut self) -> Result<()> {
        match self.byte()? {
            0..=PROTOCOL => Ok(()),
            version => Err(invalid(format!("pickle protocol {version}: expected at most {PROTOCOL}"))),
        }
    }

    fn int(&mut self, size: u64) -> Result<()> {
        let number = self.number(size)?;
        self.push(Value::Int(number as i64))
    }

    /// An integer of any length; one of more than 64 bits is no size or label.
    fn long(&mut self, size: u64) -> Result<()> {
        let length = self.number(size)?;
        let bytes = self.take(length)?;
        let number = match bytes.len() {
            0 => Value::Int(0),
            1..=8 => Value::Int(integer(bytes, true, false).ok_or_else(|| self.damaged())?),
            _ => Value::Other,
        };
        self.push(number)
    }

    fn text(&mut self, size: u64) -> Result<()> {
        let length = self.number(size)?;
        let start = self.at as u32;
        self.skip(length)?;
        self.push(Value::Text(Text { start, end: self.at as u32 }))
    }

    /// A value of `size` bytes that is ignored.
    fn other(&mut self, size: u64) -> Result<()> {
        self.skip(size)?;
        self.push(Value::Other)
    }

    /// The same, after the number of its bytes in `size` bytes.
    fn sized(&mut self, size: u64) -> Result<()> {
        let length = self.number(size)?;
        self.other(length)
    }

    /// A tuple of the values from height `from` on.
    fn tuple(&mut self, from: usize) -> Result<()> {
        let tuple = self.objects.add_tuple(&self.stack[from..])?;
        self.stack.truncate(from);
        self.push(tuple)
    }

    /// What is below height `from`: a dictionary or a list, which takes the values above.
    fn entries_below(&self, from: usize) -> Result<u32> {
        match from.checked_sub(1).filter(|below| *below >= self.floor()).map(|below| self.stack[below]) {
            Some(Value::Entries(entries)) => Ok(entries),
            _ => Err(self.damaged()),
        }
    }

    fn append(&mut self, from: usize) -> Result<()> {
        let list = self.entries_below(from)?;
        self.stack[from..].iter().try_for_each(|item| self.objects.put(list, None, *item))?;
        self.stack.truncate(from);
        Ok(())
    }

    fn set_items(&mut self, from: usize) -> Result<()> {
        let dictionary = self.entries_below(from)?;
        let (pairs, rest) = self.stack[from..].as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.damaged());
        }
        pairs.iter().try_for_each(|[key, item]| self.objects.put(dictionary, Some(*key), *item))?;
        self.stack.truncate(from);
        Ok(())
    }

    fn memorise(&mut self, size: u64) -> Result<()> {
        let (number, top) = (self.number(size)? as u32, self.top()?);
        self.memo.insert(number, top);
        check_room(self.memo.len())
    }

    fn recall(&mut self, size: u64) -> Result<()> {
        let number = self.number(size)? as u32;
        let value = self.memo.get(&number).copied().ok_or_else(|| self.damaged())?;
        self.push(value)
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        match Global::find(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => {
                let asked: String = format!("{module}.{name}").chars().take(SHOWN).collect();
                let (asked, cure) = (asked.escape_debug(), cure_of(module, name));
                let why = "which is never called, since it may run code";
                Err(invalid(format!("its pickle asks for {asked}, {why}: {cure}")))
            }
        }
    }

    /// The items of a tuple on top of the stack.
    fn pop_items(&mut self) -> Result<&[Value]> {
        match self.pop()? {
            Value::Tuple(items) => Ok(self.objects.items(items)),
            _ => Err(self.damaged()),
        }
    }

    /// A storage: ("storage", its class, its key, where it was, its length, ...).
    fn storage(&mut self) -> Result<()> {
        let storage = match *self.pop_items()? {
            [
                Value::Text(_),
                Value::Global(Global::Storage(dtype)),
                Value::Text(key),
                _,
                Value::Int(len),
                ..,
            ] => u64::try_from(len).ok().map(|len| Storage { key, dtype, len }),
            _ => None,
        };
        let storage = storage.ok_or_else(|| self.damaged())?;
        let storage = self.objects.add_storage(storage)?;
        self.push(storage)
    }

    /// What a function that describes a value would return.
    fn call(&mut self) -> Result<()> {
        let (Value::Tuple(items), Value::Global(function)) = (self.pop()?, self.pop()?) else {
            return Err(self.damaged());
        };
        let items = self.objects.items(items);
        let made = match (function, items) {
            (Global::OrderedDict, []) => self.objects.add_entries()?,
            (Global::Ignored, _) => Value::Other,
            (Global::Parameter, [tensor @ Value::Tensor(_), ..]) => *tensor,
            (Global::Rebuild { typed }, items) => {
                // The type is before what else torch notes: whether it negates or conjugates the numbers.
                let noted = items.get(if typed { 7 } else { 6 });
                if let Some(Value::Entries(noted)) = noted
                    && !self.objects.entries(*noted).is_empty()
                {
                    return Err(invalid(
                        "a tensor whose numbers are changed when it is loaded: save tensor.resolve_neg().clone()",
                    ));
                }
                let tensor = Tensor::of(items, typed, &self.objects).ok_or_else(|| self.damaged())?;
                self.objects.add_tensor(tensor)?
            }
            _ => return Err(self.damaged()),
        };
        self.push(made)
    }
}

const CURE: &str = "in Python, torch.save(tensor.cpu(), path), or a dictionary of tensors";

/// What to do about an object that is not read.
fn cure_of(module: &str, name: &str) -> &'static str {
    match (module.split('.').next().unwrap_or_default(), name) {
        ("numpy", _) => "save tensors, torch.from_numpy(array), or np.savez(path, features=array)",
        (_, "_rebuild_sparse_tensor" | "_rebuild_nested_tensor") => "save tensor.to_dense() or its parts",
        (_, "_rebuild_qtensor") => "save tensor.dequantize()",
        _ => CURE,
    }
}
