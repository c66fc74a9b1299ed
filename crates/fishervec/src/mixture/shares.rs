//! The share of each row in linear functions of statistics: a second pass over the rows, whose posteriors and
//! residuals are those of the first one to the last bit. Products and sums are in `f64`.

use super::gaussian::{GaussianMixture, check_threshold};
use super::linear::{Division, Functions, Linear};
use super::statistics::Workspace;
use crate::data::Source;
use crate::error::Result;
use crate::util::threads::Threads;
use ndarray::Array2;

impl GaussianMixture {
    /// The share of each row of `source`, shape (n, D), in each of those functions of statistics under this
    /// mixture, in the parts of that division: shape (n, functions parts). A row of weight 0 has none.
    /// `threshold` as in [`accumulate`](Self::accumulate).
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost: that of `accumulate`, and O(D) for each kept posterior and
    /// function; memory that of the result.
    pub(crate) fn shares<S: Source>(
        &self,
        source: &S,
        threshold: Option<f64>,
        (linear, division): (&[Linear], Division),
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<f64>> {
        let threshold = check_threshold::<S::Real>(threshold)?;
        let functions = Functions::new(self, linear, division);
        let (kernel, pool, constants) = (self.kernel::<S::Real>(), &workspace.scratch, &functions.constants);
        let width = constants.len();
        self.map_blocks(source, threshold, threads, pool, 0.0, width, &|rows, scratch, mut out| {
            let Some(values) = out.as_slice_mut() else { unreachable!("an array in standard layout") };
            scratch.add_values(kernel, &functions, values);
            for (row, out) in rows.zip(values.chunks_exact_mut(width.max(1))) {
                match source.weight(row) {
                    0.0 => out.fill(0.0),
                    weight => out.iter_mut().zip(constants).for_each(|(x, c)| *x = weight * (*x + c)),
                }
            }
        })
    }
}
