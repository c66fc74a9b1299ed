//! The maximization step (M-step), with its variance floors and its repair of components without rows.

use super::centres;
use super::gaussian::GaussianMixture;
use super::params::GaussianMixtureParams;
use super::report::Repair;
use super::statistics::Statistics;
use crate::error::{Error, Result};
use ndarray::{Array1, Array2};

/// The components that an M-step treated differently from the formulas.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) repairs: Vec<Repair>,
    pub(super) dead: Vec<usize>,
}

/// The lower bounds of the variances, and the M-step that applies them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limits {
    /// The variance of all rows per dimension; the mean variance where a dimension does not vary.
    global: Vec<f64>,
    floor: Vec<f64>,
    reg_covar: f64,
}

/// A component with less than this share of the mass counts as having none.
pub(super) const DEAD_SHARE: f64 = 1e-8;

impl Limits {
    /// The limits for rows of this variance, shape (D,).
    ///
    /// # Errors
    /// [`Error::Parameter`] for a variance that is not positive.
    pub(super) fn new(params: &GaussianMixtureParams, global: Vec<f64>) -> Result<Self> {
        if let Some(bad) = global.iter().find(|v| v.is_nan() || **v <= 0.0) {
            return Err(Error::parameter("scale", "variances above 0", bad));
        }
        // The absolute part only keeps a variance positive where both settings are 0.
        let floor = global.iter().map(|v| v * params.variance_floor.max(1e-12)).collect();
        Ok(Limits { global, floor, reg_covar: params.reg_covar })
    }

    /// The variance of all rows, shape (D,), made positive.
    pub(super) fn global(&self) -> &[f64] {
        &self.global
    }

    pub(super) fn typical_variance(&self) -> f64 {
        self.global.iter().sum::<f64>() / self.global.len() as f64
    }

    /// The mixture that maximizes the expected log-likelihood given `statistics`, with floors and repairs.
    pub(super) fn m_step(
        &self,
        mixture: &GaussianMixture,
        statistics: &Statistics,
    ) -> Result<(GaussianMixture, Changes)> {
        let (k, d) = mixture.means().dim();
        let mut weights = statistics.s0().to_owned() / statistics.n();
        let mut means = centres::means(mixture, statistics);
        let mut covariances = mixture.covariances().to_owned();
        let mut dead = Vec::new();
        for c in 0..k {
            if weights[c] < DEAD_SHARE {
                dead.push(c);
                weights[c] = 0.0;
                means.row_mut(c).assign(&mixture.means().row(c));
                continue;
            }
            let mass = statistics.s0[c];
            for j in 0..d {
                let (first, second) = (statistics.z1[[c, j]] / mass, statistics.z2[[c, j]] / mass);
                covariances[[c, j]] *= second - first * first;
            }
            self.apply(covariances.row_mut(c).iter_mut());
        }
        self.repaired(weights, means, covariances, dead)
    }

    /// Applies the limits to the variances of a component, shape (D,).
    pub(super) fn apply<'a>(&self, variances: impl Iterator<Item = &'a mut f64>) {
        variances.zip(&self.floor).for_each(|(v, floor)| *v = (*v + self.reg_covar).max(*floor));
    }

    /// The mixture of these parameters, in which each `dead` component, of weight 0, takes half of another.
    pub(super) fn repaired(
        &self,
        mut weights: Array1<f64>,
        mut means: Array2<f64>,
        mut covariances: Array2<f64>,
        dead: Vec<usize>,
    ) -> Result<(GaussianMixture, Changes)> {
        let mut changes = Changes::default();
        for c in dead {
            match self.donor(&weights, &covariances) {
                Some((donor, j)) => {
                    // The two halves lie half a standard deviation to either side in one dimension, and
                    // together have the same mean and variance as before.
                    let half = weights[donor] / 2.0;
                    (weights[c], weights[donor]) = (half, half);
                    let v = covariances[[donor, j]];
                    covariances[[donor, j]] = (0.75 * v).max(self.floor[j]);
                    let (twin, centre) = (covariances.row(donor).to_owned(), means.row(donor).to_owned());
                    covariances.row_mut(c).assign(&twin);
                    means.row_mut(c).assign(&centre);
                    means[[donor, j]] -= 0.5 * v.sqrt();
                    means[[c, j]] += 0.5 * v.sqrt();
                    changes.repairs.push(Repair { iteration: 0, component: c, donor });
                }
                None => changes.dead.push(c),
            }
        }
        weights /= weights.sum();
        Ok((GaussianMixture::new(weights, means, covariances)?, changes))
    }

    /// The component that explains the most scatter and its widest dimension, both relative to the variance
    /// of all rows; `None` if no component is wide enough to be split above its floor.
    fn donor(&self, weights: &Array1<f64>, covariances: &Array2<f64>) -> Option<(usize, usize)> {
        let mut best: Option<(f64, usize, usize)> = None;
        for (c, (w, v)) in weights.iter().zip(covariances.outer_iter()).enumerate() {
            let relative: Vec<f64> = v.iter().zip(&self.global).map(|(v, global)| v / global).collect();
            let scatter = w * relative.iter().sum::<f64>();
            let widest = (0..relative.len()).max_by(|a, b| relative[*a].total_cmp(&relative[*b]))?;
            let splits = v[widest] > 2.0 * self.floor[widest] && *w > 0.0;
            if splits && best.is_none_or(|(most, _, _)| scatter > most) {
                best = Some((scatter, c, widest));
            }
        }
        best.map(|(_, c, j)| (c, j))
    }
}
