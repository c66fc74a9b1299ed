//! How evenly the components of a mixture share the data, and whether some say the same.

use super::gaussian::GaussianMixture;
use ndarray::{ArrayView2, Axis};

/// Two components whose Bhattacharyya coefficient is above this are nearly the same.
const SAME: f64 = 0.98;
/// Two centres are nearly the same if their distance is below this times the spread of all centres.
const CLOSE: f64 = 1e-3;
/// A component is dead if its share is below that of an even split divided by this.
const DEAD: f64 = 100.0;

/// How evenly the components of a mixture share the data.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Balance {
    /// The component with the largest weight.
    pub largest: usize,
    /// The largest weight.
    pub largest_share: f64,
    /// exp(−sum w log w): the number of components, if they had equal weights, of the same entropy.
    pub effective: f64,
    /// The components whose weight is below 1/(100 K), 0 among them.
    pub dead: Vec<usize>,
    /// Pairs of other components that are nearly the same: their Bhattacharyya coefficient, the integral of
    /// sqrt(p q), is above 0.98.
    pub doubled: Vec<(usize, usize)>,
}

impl GaussianMixture {
    /// How evenly its components share the data, and which of them are nearly the same. Cost O(K² D) at most.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let weights = self.weights();
        let largest = (0..weights.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or(0);
        let entropy: f64 = weights.iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum();
        let least = 1.0 / (DEAD * weights.len() as f64);
        let (dead, alive): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|k| weights[*k] < least);
        Balance {
            largest,
            largest_share: weights[largest],
            effective: entropy.exp(),
            dead,
            doubled: pairs(&alive, |a, b| self.is_same(a, b)),
        }
    }

    /// Whether two components have a Bhattacharyya coefficient above [`SAME`]. Its negative logarithm is the
    /// sum over columns of (mu_a − mu_b)²/(8 v) + log(v²/(v_a v_b))/4, with v the mean of the variances.
    fn is_same(&self, a: usize, b: usize) -> bool {
        let (means, variances) = (self.means(), self.covariances());
        let (mut distance, most) = (0.0, -SAME.ln());
        for d in 0..self.dim() {
            let (u, v) = (variances[[a, d]], variances[[b, d]]);
            let (mean, shift) = (0.5 * u + 0.5 * v, means[[a, d]] - means[[b, d]]);
            distance += shift / mean * shift / 8.0 + 0.25 * ((mean / u).ln() + (mean / v).ln());
            if distance > most || distance.is_nan() {
                return false;
            }
        }
        true
    }
}

/// Pairs of `centres`, shape (K, D), that are nearly the same: their distance is below a thousandth of the
/// root of the variance of all centres, summed over the columns. Cost O(K² D) at most.
#[must_use]
pub fn doubled_centres(centres: ArrayView2<'_, f64>) -> Vec<(usize, usize)> {
    if centres.nrows() < 2 {
        return Vec::new();
    }
    let most = CLOSE * CLOSE * centres.var_axis(Axis(0), 0.0).sum();
    let all: Vec<usize> = (0..centres.nrows()).collect();
    pairs(&all, |a, b| {
        let mut distance = 0.0;
        centres.row(a).iter().zip(centres.row(b)).all(|(x, y)| {
            distance += (x - y) * (x - y);
            distance <= most
        })
    })
}

/// The pairs of these numbers, the smaller one first, for which `is_same`.
fn pairs(numbers: &[usize], is_same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let later = |i: usize| numbers[i + 1..].iter().map(move |b| (numbers[i], *b));
    (0..numbers.len()).flat_map(later).filter(|(a, b)| is_same(*a, *b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn equal_weights_are_balanced_and_one_blob_is_not() {
        let far = Array2::from_shape_fn((4, 2), |(k, _)| 10.0 * k as f64);
        let even = GaussianMixture::new(array![0.25, 0.25, 0.25, 0.25], far.clone(), Array2::ones((4, 2)));
        let even = even.unwrap().balance();
        assert!((even.effective - 4.0).abs() < 1e-12 && even.largest_share == 0.25, "{even:?}");
        assert!(even.dead.is_empty() && even.doubled.is_empty(), "{even:?}");
        let weights = array![0.002, 0.997, 0.001, 0.0];
        let uneven = GaussianMixture::new(weights.clone(), far, Array2::ones((4, 2))).unwrap().balance();
        assert_eq!((uneven.largest, uneven.largest_share), (1, 0.997));
        assert_eq!(uneven.dead, [0, 2, 3], "below 0.0025");
        let entropy: f64 = weights.iter().take(3).map(|w: &f64| -w * w.ln()).sum();
        assert!((uneven.effective - entropy.exp()).abs() < 1e-12, "{uneven:?}");
    }

    #[test]
    fn doubled_components_share_centre_and_variance() {
        let means = array![[0.0, 0.0], [0.1, -0.1], [0.0, 0.0], [0.0, 9.0], [0.0, 0.0]];
        let variances = array![[1.0, 1.0], [1.1, 0.9], [9.0, 9.0], [1.0, 1.0], [1.0, 1.0]];
        let weights = array![0.3, 0.3, 0.2, 0.2, 0.0];
        let mixture = GaussianMixture::new(weights, means, variances).unwrap();
        // The third is wider, the fourth elsewhere, and the last one dead.
        assert_eq!(mixture.balance().doubled, [(0, 1)]);
        // The coefficient of the first two, by a sum over a grid.
        let density = |k: usize, x: f64, y: f64| {
            let (m, v) = (mixture.means().row(k).to_owned(), mixture.covariances().row(k).to_owned());
            let square = (x - m[0]).powi(2) / v[0] + (y - m[1]).powi(2) / v[1];
            (-0.5 * square).exp() / (std::f64::consts::TAU * (v[0] * v[1]).sqrt())
        };
        let coefficient = |a: usize, b: usize| -> f64 {
            let axis = || (-400..400).map(|i| f64::from(i) * 0.03);
            axis()
                .flat_map(|x| axis().map(move |y| (x, y)))
                .map(|(x, y)| (density(a, x, y) * density(b, x, y)).sqrt() * 0.0009)
                .sum()
        };
        assert!(
            coefficient(0, 1) > SAME && coefficient(0, 2) < SAME,
            "{} {}",
            coefficient(0, 1),
            coefficient(0, 2)
        );
    }

    #[test]
    fn centres_are_doubled_if_they_are_as_good_as_equal() {
        let centres = array![[0.0, 0.0], [5.0, 5.0], [0.0, 1e-4], [5.0, 5.1], [5.0, 5.0]];
        assert_eq!(doubled_centres(centres.view()), [(0, 2), (1, 4)]);
        assert_eq!(doubled_centres(Array2::zeros((2, 3)).view()), [(0, 1)]);
        assert!(doubled_centres(Array2::zeros((1, 3)).view()).is_empty());
        assert!(doubled_centres(Array2::zeros((0, 3)).view()).is_empty());
    }
}
