//! Bags of points, and what needs no mixture: VLAD, bag of words, normalisation, ridge regression.

use crate::buffer::{Answer, Inputs};
use fishervec::encode::{BagOfWordsParams, Codebook, Norm, VladParams};
use fishervec::ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2, aview1};
use fishervec::{BagOfWords, Encode, Result, Vlad};
use nalgebra::{DMatrix, DVector};

/// The points of a bag, shape (n, 2).
pub(crate) struct Bag<'a>(CowArray<'a, f64, Ix2>);

impl<'a> Bag<'a> {
    pub(crate) fn read(inputs: &mut Inputs<'a>, n: usize) -> Self {
        let points = ArrayView2::from_shape((n, 2), inputs.take(2 * n));
        Bag(points.map_or_else(|_| Array2::zeros((0, 2)).into(), CowArray::from))
    }

    pub(crate) fn points(&self) -> ArrayView2<'_, f64> {
        self.0.view()
    }

    pub(crate) fn n(&self) -> usize {
        self.0.nrows()
    }

    /// `k` of the points: the one nearest to the middle of all, then each time the one farthest from those
    /// that were chosen, in units of the columns' variances.
    pub(crate) fn far_apart(&self, k: usize, variances: &[f64]) -> Array2<f64> {
        let points = self.points();
        let distance = |a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>| {
            (0..2).map(|d| (a[d] - b[d]).powi(2) / variances[d]).sum::<f64>()
        };
        let middle = points.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(2));
        let mut away: Vec<f64> = points.rows().into_iter().map(|x| -distance(x, middle.view())).collect();
        let mut chosen = Vec::new();
        for _ in 0..k {
            let farthest = (0..self.n()).max_by(|i, j| away[*i].total_cmp(&away[*j])).unwrap_or(0);
            let apart = points.rows().into_iter().map(|x| distance(x, points.row(farthest)));
            // The first choice only begins: distances count from it on.
            away = match chosen.is_empty() {
                true => apart.collect(),
                false => apart.zip(&away).map(|(new, old)| new.min(*old)).collect(),
            };
            chosen.push(farthest);
        }
        points.select(Axis(0), &chosen)
    }
}

/// VLAD with neither power nor norm, divided by n.
pub(crate) fn vlad(centres: ArrayView2<'_, f64>, bag: &Bag) -> Result<Vec<f64>> {
    let params = VladParams { power: 1.0, norm: Norm::None, ..VladParams::default() };
    let vlad = Vlad::with_params(Codebook::hard(centres.to_owned())?, params)?;
    let n = bag.n().max(1) as f64;
    Ok(vlad.encode(&bag.points())?.iter().map(|x| x / n).collect())
}

/// The bag of words with neither power nor norm.
pub(crate) fn words(centres: ArrayView2<'_, f64>, bag: &Bag) -> Result<Vec<f64>> {
    let params = BagOfWordsParams { power: 1.0, norm: Norm::None, ..BagOfWordsParams::default() };
    let words = BagOfWords::with_params(Codebook::hard(centres.to_owned())?, params)?;
    Ok(words.encode(&bag.points())?.to_vec())
}

/// The signed power of each number, and then, if asked for, the length 1.
pub(crate) fn normalise(vector: &[f64], power: f64, l2: bool) -> Vec<f64> {
    let rooted: Vec<f64> = vector.iter().map(|x| x.signum() * x.abs().powf(power)).collect();
    let length = aview1(&rooted).dot(&aview1(&rooted)).sqrt();
    if l2 && length > 0.0 { rooted.iter().map(|x| x / length).collect() } else { rooted }
}

/// The weights and the bias that minimise sum (w . v + b - y)^2 + penalty |w|^2, where the weights are those
/// of centred vectors: (Z'Z + penalty) w = Z'y and b = -w . mean.
pub(crate) fn ridge(vectors: &[f64], labels: &[f64], penalty: f64) -> Answer {
    let (n, p) = (labels.len(), vectors.len() / labels.len().max(1));
    let vectors = DMatrix::from_row_slice(n, p, vectors);
    let mean = vectors.row_mean();
    let centred = DMatrix::from_fn(n, p, |i, j| vectors[(i, j)] - mean[j]);
    let normal = centred.transpose() * &centred + DMatrix::identity(p, p) * penalty;
    let right = centred.transpose() * DVector::from_column_slice(labels);
    let factor = normal.cholesky().ok_or("the penalty of a ridge regression must be above 0")?;
    let weights = factor.solve(&right);
    let bias = -aview1(weights.as_slice()).dot(&aview1(mean.as_slice()));
    Ok(weights.iter().copied().chain([bias]).collect())
}
