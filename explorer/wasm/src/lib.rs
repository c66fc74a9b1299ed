//! The library for the live page, as WebAssembly.
//!
//! The page writes numbers into one buffer, calls a function, and reads the result from the same buffer:
//! `core.js` is the other side. Each function returns how many numbers it wrote; -1 says that the buffer
//! holds the bytes of an error message instead, as many as [`told`] returns.

mod bag;
mod buffer;
mod mixture;

use bag::Bag;
use buffer::{Answer, Inputs};
use mixture::Mixture;

/// Makes a function of inputs an export: `rows` points, `components` of the mixture, one further number.
macro_rules! exports {
    ($($(#[$meta:meta])* $name:ident: $body:expr;)*) => {$(
        $(#[$meta])*
        // SAFETY: no other symbol of this module has the name.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(rows: usize, components: usize, option: f64) -> i32 {
            let body: fn(&mut Inputs, usize, usize, f64) -> Answer = $body;
            buffer::answer(|inputs| body(inputs, rows, components, option))
        }
    )*};
}

/// Makes the buffer hold that many numbers, and returns where it is.
// SAFETY: no other symbol of this module has the name.
#[unsafe(no_mangle)]
pub extern "C" fn room(numbers: usize) -> *mut f64 {
    buffer::room(numbers)
}

/// The number of bytes of the last error's message.
// SAFETY: no other symbol of this module has the name.
#[unsafe(no_mangle)]
pub extern "C" fn told() -> usize {
    buffer::told()
}

exports! {
    /// Mixture, points -> posteriors (n, K) of sharpness `option`, and the mean log-likelihood.
    posteriors: |inputs, n, k, sharp| {
        let (mixture, bag) = (Mixture::read(inputs, k)?, Bag::read(inputs, n));
        let mut out = mixture.posteriors(&bag, sharp)?;
        out.push(mixture.fit(&bag)?);
        Ok(out)
    };

    /// Mixture, points, posteriors (n, K) -> S0 (K), Z1 (K, 2), Z2 (K, 2).
    statistics: |inputs, n, k, _| {
        let (mixture, bag) = (Mixture::read(inputs, k)?, Bag::read(inputs, n));
        Ok(mixture.statistics(&bag, inputs.take(n * k))?)
    };

    /// Mixture, statistics of `rows` points -> the gradient in unit `option`: 0 the Fisher vector, 1 the raw
    /// gradient.
    gradient: |inputs, n, k, unit| {
        let mixture = Mixture::read(inputs, k)?;
        let statistics = mixture.sums(n, inputs)?;
        Ok(mixture.gradient(&statistics, unit == 1.0)?)
    };

    /// Mixture, statistics of `rows` points -> the mixture after one M-step.
    maximize: |inputs, n, k, _| {
        let mixture = Mixture::read(inputs, k)?;
        let statistics = mixture.sums(n, inputs)?;
        Ok(mixture.maximize(&statistics)?.write())
    };

    /// Mixture -> the same with property `rows` nudged by `option` natural steps.
    nudge: |inputs, j, k, step| Ok(Mixture::read(inputs, k)?.nudge(j, step)?.write());

    /// Mixture, 5 K coefficients, points -> the share of each point in the score of the Fisher vector, (n).
    votes: |inputs, n, k, _| {
        let mixture = Mixture::read(inputs, k)?;
        let coefficients = inputs.take(5 * k).to_vec();
        Ok(mixture.votes(&Bag::read(inputs, n), &coefficients)?)
    };

    /// Mixture, points -> VLAD of its means, neither power nor norm, divided by n: (K, 2).
    vlad: |inputs, n, k, _| {
        let mixture = Mixture::read(inputs, k)?;
        Ok(bag::vlad(mixture.means(), &Bag::read(inputs, n))?)
    };

    /// Mixture, points -> shares of the points by their nearest mean: (K).
    words: |inputs, n, k, _| {
        let mixture = Mixture::read(inputs, k)?;
        Ok(bag::words(mixture.means(), &Bag::read(inputs, n))?)
    };

    /// Mixture, points, places in the unit square -> the spatial Fisher vector, (K, 2) and (K, 2).
    spatial: |inputs, n, k, _| {
        let (mixture, bag) = (Mixture::read(inputs, k)?, Bag::read(inputs, n));
        Ok(mixture.spatial(&bag, &Bag::read(inputs, n))?)
    };

    /// `rows` vectors of `components` numbers, as many labels -> the weights of a ridge regression with
    /// penalty `option`, and its bias.
    ridge: |inputs, n, p, penalty| {
        let vectors = inputs.take(n * p).to_vec();
        bag::ridge(&vectors, inputs.take(n), penalty)
    };

    /// The vector of `rows` numbers -> with the power `option`, and of length 1 if `components` is 1.
    normalise: |inputs, n, l2, power| Ok(bag::normalise(inputs.take(n), power, l2 == 1));

    /// Points -> the mixture of `components` that the library fits to them.
    learn: |inputs, n, k, _| Ok(Mixture::learn(&Bag::read(inputs, n), k)?.write());
}
