//! A whole pass, in pieces where a context keeps what is done.

use super::partial::Partial;
use super::stored::Stored;
use crate::error::Result;
use crate::util::context::Context;
use std::ops::Range;
use std::time::{Duration, Instant};

/// The time that a piece of a pass should take at least.
const PIECE: Duration = Duration::from_millis(250);

/// The result of a whole pass, of which `part` computes some chunks; `None` for a pass over nothing. What a
/// context keeps of it under the name of the stage is not computed again.
///
/// Pieces do not change the result: their parts meet in the tree of the pass.
pub(crate) fn pass<T: Stored>(
    context: &mut Context<'_>,
    stage: &str,
    part: &dyn Fn(Range<usize>) -> Result<Partial<T>>,
) -> Result<Option<T>> {
    let mut done = part(0..0)?;
    let Some(keep) = context.keeper() else {
        return part(0..done.header().plan.n_chunks())?.finish();
    };
    let kept = keep.get(stage).and_then(|bytes| Partial::from_bytes(bytes).ok());
    if let Some(kept) = kept.filter(|kept: &Partial<T>| kept.header() == done.header()) {
        done = kept;
    }
    let (mut size, missing) = (16, done.missing());
    if missing.is_empty() {
        return done.finish();
    }
    for gap in missing {
        let mut from = gap.start;
        while from < gap.end {
            let (to, started) = (gap.end.min(from + size), Instant::now());
            done.add(part(from..to)?)?;
            if keep.is_due() {
                keep.put(stage, done.to_bytes()?);
            }
            if started.elapsed() < PIECE {
                size *= 2;
            }
            from = to;
        }
    }
    keep.put(stage, done.to_bytes()?);
    done.finish()
}
