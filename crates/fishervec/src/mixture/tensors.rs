//! A mixture as the tensors of a model file.

use super::gaussian::GaussianMixture;
use crate::error::Result;
use crate::util::tensors::{TensorFile, Tensors};

/// The names of the tensors of an encoder's mixture, and of its location model.
pub(crate) const MIXTURE: [&str; 3] = ["weights", "means", "covariances"];
pub(crate) const LOCATION: [&str; 3] = ["location.weights", "location.means", "location.covariances"];

impl GaussianMixture {
    pub(crate) fn write(&self, names: [&'static str; 3], tensors: &mut Tensors) {
        let [weights, means, covariances] = names;
        tensors.add(weights, self.weights().shape(), self.weights());
        tensors.add(means, self.means().shape(), self.means());
        tensors.add(covariances, self.covariances().shape(), self.covariances());
    }

    pub(crate) fn read(names: [&'static str; 3], file: &mut TensorFile<'_>) -> Result<Self> {
        let [weights, means, covariances] = names;
        let (means, covariances) = (file.matrix(means)?, file.matrix(covariances)?);
        GaussianMixture::new(file.vector(weights)?, means, covariances)
    }
}
