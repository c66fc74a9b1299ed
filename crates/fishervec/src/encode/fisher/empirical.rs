//! The empirical diagonal information: the scale of each coordinate, learned from training sets.

use super::information::Information;
use crate::data::Moments;
use crate::encode::contributions::VectorBlock;
use crate::encode::normalize::{Normalization, Segment};
use crate::encode::output::finite;
use crate::error::{Error, Result};
use crate::mixture::Linear;
use crate::util::check::at_least;
use crate::util::tensors::{TensorFile, Tensors};

/// The information of an encoder, with the learned part if it is empirical.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) information: Information,
    pub(crate) empirical: Option<Empirical>,
}

impl Scaling {
    pub(crate) fn new(information: Information) -> Self {
        Scaling { information, empirical: None }
    }

    /// The same with the given empirical information of `len` numbers.
    pub(crate) fn with(self, empirical: Empirical, len: usize) -> Result<Self> {
        if !self.information.is_empirical() {
            return Err(Error::parameter("information", "empirical or empirical-centred", self.information));
        }
        let got = empirical.scale.len();
        if got != len {
            return Err(Error::Dimension { what: "the empirical information", expected: len, got });
        }
        Ok(Scaling { empirical: Some(empirical), ..self })
    }

    pub(crate) fn write(&self, tensors: &mut Tensors) {
        if let Some(empirical) = &self.empirical {
            empirical.write(tensors);
        }
    }

    /// Scales the gradient of a set of `n` descriptors by what was learned. An empty set stays zero.
    pub(crate) fn scale(&self, n: f64, gradient: &mut [f64]) -> Result<()> {
        match &self.empirical {
            None if self.information.is_empirical() => {
                let expected = "a fit on training sets before encoding";
                return Err(Error::parameter("information", expected, self.information));
            }
            Some(empirical) if n > 0.0 => empirical.apply(gradient),
            _ => {}
        }
        finite(gradient, gradient)
    }

    /// Adds `c . scaled`, which is c . gradient with what this returns as c, and a constant, which it adds to
    /// `to`: of a set of `n` descriptors, in those blocks of `k` components, each of which stands for `each`.
    pub(crate) fn carry_back(
        &self,
        n: f64,
        (k, each): (usize, usize),
        blocks: &[VectorBlock],
        mut c: Vec<f64>,
        to: &mut Linear,
    ) -> Vec<f64> {
        let Some(Empirical { mean, scale }) = self.empirical.as_ref().filter(|_| n > 0.0) else { return c };
        for (entry, k, column) in blocks.iter().flat_map(|block| block.places(k)) {
            c[entry] *= scale[entry];
            to.add_constant(k * each, column, -mean[entry] * c[entry] / n);
        }
        c
    }

    /// Computes the vector of a set from its scaled gradient: power and norm, where `resolved` is how much
    /// each component counts.
    pub(crate) fn finish(
        &self,
        normalization: Normalization,
        segments: &[Segment],
        resolved: &dyn Fn(usize) -> f64,
        gradient: &mut [f64],
    ) -> Result<()> {
        // A centred coordinate says how far the set is from the others, even where its gradient is zero.
        let centred = self.information == Information::EmpiricalCentred;
        normalization.apply(segments, &|k| if centred { 1.0 } else { resolved(k) }, gradient);
        // A scaled gradient is finite; so are its roots, and what a norm divides.
        if normalization.power > 1.0 { finite(gradient, gradient) } else { Ok(()) }
    }
}

/// The mean and scale of each coordinate of the raw gradient over training sets (Krapac, Verbeek and Jurie
/// 2011).
///
/// Uncentred, g becomes g / sqrt(mean g^2); centred, it becomes (g - mean g) / sd g. A coordinate that never
/// varied in training (such as that of a component that is never used) becomes 0. Fit it on training sets
/// only, and on many more than one, since it is itself an estimate.
#[derive(Debug, Clone, PartialEq)]
pub struct Empirical {
    pub(crate) mean: Vec<f64>,
    pub(crate) scale: Vec<f64>,
}

impl Empirical {
    /// The information with the given `mean`, shape (P,), zeros if it is not centred, and `scale`, shape
    /// (P,), the factor of g - mean.
    ///
    /// # Errors
    /// [`Error::Dimension`] if the lengths differ, [`Error::Parameter`] for a number that is not finite.
    pub fn new(mean: Vec<f64>, scale: Vec<f64>) -> Result<Self> {
        if mean.len() != scale.len() {
            let (expected, got) = (mean.len(), scale.len());
            return Err(Error::Dimension { what: "the information's scale", expected, got });
        }
        if let Some(bad) = mean.iter().chain(&scale).find(|x| !x.is_finite()) {
            return Err(Error::parameter("information", "finite numbers", bad));
        }
        Ok(Empirical { mean, scale })
    }

    fn write(&self, tensors: &mut Tensors) {
        tensors.add("information.mean", &[self.mean.len()], &self.mean);
        tensors.add("information.scale", &[self.scale.len()], &self.scale);
    }

    pub(crate) fn read(file: &mut TensorFile<'_>) -> Result<Self> {
        let (mean, scale) = (file.vector("information.mean")?, file.vector("information.scale")?);
        Empirical::new(mean.to_vec(), scale.to_vec())
    }

    fn apply(&self, vector: &mut [f64]) {
        for (x, (mean, scale)) in vector.iter_mut().zip(self.mean.iter().zip(&self.scale)) {
            *x = (*x - mean) * scale;
        }
    }
}

/// Adds the raw gradient that `gradient` writes for a set of `n` descriptors; an empty set is skipped.
pub(crate) fn add_gradient(gradients: &mut Moments, n: f64, gradient: impl FnOnce(&mut [f64])) -> Result<()> {
    if n <= 0.0 {
        return Ok(());
    }
    let mut raw = vec![0.0; gradients.dim()];
    gradient(&mut raw);
    finite(&raw, &raw)?;
    gradients.push(&raw);
    Ok(())
}

impl Empirical {
    /// The information of training sets whose gradients have these moments.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] for fewer than 1 training set, or 2 for the centred form.
    pub(crate) fn of(gradients: &Moments, information: Information) -> Result<Self> {
        let centred = information == Information::EmpiricalCentred;
        at_least("(sets) for the empirical information", 1 + usize::from(centred), gradients.n() as usize)?;
        let scale = gradients.mean().iter().zip(gradients.variance()).map(|(mean, variance)| {
            let second = if centred { variance } else { variance + mean * mean };
            // Rounding noise around a constant does not count as variation.
            let varies = second > 0.0 && (!centred || variance > 1e-24 * mean * mean);
            let scale = 1.0 / second.sqrt();
            if varies && scale.is_finite() { scale } else { 0.0 }
        });
        let scale: Vec<f64> = scale.collect();
        let mean = if centred { gradients.mean().to_vec() } else { vec![0.0; scale.len()] };
        Empirical::new(mean, scale)
    }
}
