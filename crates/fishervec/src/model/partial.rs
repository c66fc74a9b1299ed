//! The results of passes that a part holds, as tensors.

use crate::data::{Moments, Scatter};
use crate::error::{Error, Result};
use crate::mixture::Statistics;
use crate::shards::{Header, Pass, Stored};
use crate::util::tensors::{TensorFile, Tensors};
use ndarray::{Array1, Array2};

impl Stored for Statistics {
    const PASSES: &'static [Pass] = &[Pass::Mixture];

    fn write(&self, node: &str, tensors: &mut Tensors) {
        let sums = [self.n, self.log_likelihood, self.largest, self.dropped];
        tensors.add(format!("{node}.sums"), &[4], &sums);
        tensors.add(format!("{node}.s0"), &[self.s0.len()], &self.s0);
        tensors.add(format!("{node}.z1"), self.z1.shape(), &self.z1);
        tensors.add(format!("{node}.z2"), self.z2.shape(), &self.z2);
    }

    fn read(node: &str, header: &Header, file: &mut TensorFile<'_>) -> Result<Self> {
        let sums = file.vector(&format!("{node}.sums"))?;
        let s0 = file.vector(&format!("{node}.s0"))?;
        let (z1, z2) = (file.matrix(&format!("{node}.z1"))?, file.matrix(&format!("{node}.z2"))?);
        let mixture = u64::from_str_radix(&header.mixture, 16);
        let (Ok(mixture), &[n, log_likelihood, largest, dropped]) = (mixture, sums.as_slice().unwrap_or(&[]))
        else {
            return Err(Error::format("part", "sums that are not four, or a mixture without identity"));
        };
        if z1.dim() != z2.dim() || z1.nrows() != s0.len() {
            return Err(Error::format("part", "shapes of s0, z1 and z2 do not match"));
        }
        Ok(Statistics { mixture, n, log_likelihood, largest, dropped, s0: s0.to_vec(), z1, z2 })
    }
}

impl Stored for Moments {
    const PASSES: &'static [Pass] = &[Pass::Moments, Pass::Information];

    fn write(&self, node: &str, tensors: &mut Tensors) {
        tensors.add(format!("{node}.n"), &[1], &[self.n]);
        tensors.add(format!("{node}.mean"), &[self.mean.len()], &self.mean);
        tensors.add(format!("{node}.squares"), &[self.squares.len()], &self.squares);
    }

    fn read(node: &str, _: &Header, file: &mut TensorFile<'_>) -> Result<Self> {
        let n = one(&file.vector(&format!("{node}.n"))?)?;
        let mean = file.vector(&format!("{node}.mean"))?;
        let squares = file.vector(&format!("{node}.squares"))?;
        if mean.len() != squares.len() {
            return Err(Error::format("part", "as many means as squares are expected"));
        }
        Ok(Moments { n, mean: mean.to_vec(), squares: squares.to_vec() })
    }
}

impl Stored for Scatter {
    const PASSES: &'static [Pass] = &[Pass::Scatter];

    fn write(&self, node: &str, tensors: &mut Tensors) {
        let d = self.mean.len();
        // The products are symmetric: the upper half says it all.
        let upper: Vec<f64> =
            (0..d).flat_map(|i| (i..d).map(move |j| (i, j))).map(|at| self.products[at]).collect();
        tensors.add(format!("{node}.n"), &[1], &[self.n]);
        tensors.add(format!("{node}.mean"), &[d], &self.mean);
        tensors.add(format!("{node}.products"), &[upper.len()], &upper);
    }

    fn read(node: &str, _: &Header, file: &mut TensorFile<'_>) -> Result<Self> {
        let n = one(&file.vector(&format!("{node}.n"))?)?;
        let mean = file.vector(&format!("{node}.mean"))?.to_vec();
        let upper = file.vector(&format!("{node}.products"))?;
        let d = mean.len();
        if upper.len() != d * (d + 1) / 2 {
            return Err(Error::format("part", "as many products as pairs of columns are expected"));
        }
        let mut products = Array2::zeros((d, d));
        for (at, (i, j)) in (0..d).flat_map(|i| (i..d).map(move |j| (i, j))).enumerate() {
            products[[i, j]] = upper[at];
            products[[j, i]] = upper[at];
        }
        Ok(Scatter { n, mean, products })
    }
}

fn one(values: &Array1<f64>) -> Result<f64> {
    match values.as_slice() {
        Some([value]) if *value >= 0.0 => Ok(*value),
        _ => Err(Error::format("part", "one number of at least 0 is expected as n")),
    }
}
