//! Linear functions of statistics, and the share that each row has in such a value.
//!
//! Statistics are sums over rows, so what is linear in them is one, too: with the weight a_n of row n,
//!
//! value = sum_n a_n (constant + sum_k q_nk (mass_k + sum_d p_kd(z_nkd))),
//! with p(z) = zeroth + first z + second z^2,
//!
//! and the share of a row is its term (`shares.rs`).

use super::gaussian::GaussianMixture;
use crate::simd::LANES;
use std::ops::Range;

/// A linear function of the statistics under a mixture of K components over D columns.
#[derive(Debug, Clone)]
pub struct Linear {
    columns: usize,
    /// Columns padded to a multiple of eight.
    pub(super) stride: usize,
    /// The coefficients of N, by component, shape (K,), and the same by column, shape (D + 1,), with those of
    /// no column last.
    constants: [Vec<f64>; 2],
    /// The coefficients of S0 that belong to no column, shape (K,).
    pub(super) mass: Vec<f64>,
    /// Those of S0 that belong to a column, of Z1 and of Z2, shape (K, stride).
    pub(super) zeroth: Vec<f64>,
    pub(super) first: Vec<f64>,
    pub(super) second: Vec<f64>,
}

/// What the share of a row is divided into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Division {
    /// Nothing: one number.
    Whole,
    /// One number for each group of so many components that follow each other.
    Components(usize),
    /// One number per column, and, if so, one for what belongs to no column.
    Columns(bool),
}

impl Linear {
    /// The function that is 0 everywhere.
    pub(crate) fn zero(mixture: &GaussianMixture) -> Self {
        let (k, columns) = (mixture.n_components(), mixture.dim());
        let stride = columns.next_multiple_of(LANES);
        let zeros = || vec![0.0; k * stride];
        Linear {
            columns,
            stride,
            constants: [vec![0.0; k], vec![0.0; columns + 1]],
            mass: vec![0.0; k],
            zeroth: zeros(),
            first: zeros(),
            second: zeros(),
        }
    }

    /// Adds `by` to the coefficient of N, as a matter of component `k` and of a column, if of any.
    pub(crate) fn add_constant(&mut self, k: usize, column: Option<usize>, by: f64) {
        let [of_component, of_column] = &mut self.constants;
        of_component[k] += by;
        of_column[column.unwrap_or(self.columns)] += by;
    }

    /// Adds `by` to the coefficients of S0 of some components.
    pub(crate) fn add_mass(&mut self, components: Range<usize>, by: f64) {
        self.mass[components].iter_mut().for_each(|x| *x += by);
    }

    /// Adds `by[i]`, i the power of z, to the coefficients of S0, Z1 and Z2 of some components in a column.
    pub(crate) fn add(&mut self, components: Range<usize>, column: usize, by: [f64; 3]) {
        for k in components {
            let at = k * self.stride + column;
            self.zeroth[at] += by[0];
            self.first[at] += by[1];
            self.second[at] += by[2];
        }
    }

    /// Adds another function under the same mixture.
    pub(crate) fn merge(&mut self, other: &Linear) {
        let [of_component, of_column] = &mut self.constants;
        let pairs = [
            (of_component, &other.constants[0]),
            (of_column, &other.constants[1]),
            (&mut self.mass, &other.mass),
            (&mut self.zeroth, &other.zeroth),
            (&mut self.first, &other.first),
            (&mut self.second, &other.second),
        ];
        for (to, from) in pairs {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    /// The coefficients of S0 of all columns and of none, shape (K,).
    fn whole_mass(&self) -> Vec<f64> {
        let of_columns = self.zeroth.chunks_exact(self.stride).map(|of| of.iter().sum::<f64>());
        self.mass.iter().zip(of_columns).map(|(mass, of_columns)| mass + of_columns).collect()
    }

    /// The coefficients of N of each part of that division.
    fn constants(&self, division: Division) -> Vec<f64> {
        let [of_component, of_column] = &self.constants;
        match division {
            Division::Whole => vec![of_component.iter().sum()],
            Division::Components(c) => of_component.chunks(c).map(|of| of.iter().sum()).collect(),
            Division::Columns(others) => of_column[..self.columns + usize::from(others)].to_vec(),
        }
    }
}

impl Division {
    /// The number of its parts under a mixture.
    pub(crate) fn parts(self, mixture: &GaussianMixture) -> usize {
        match self {
            Division::Whole => 1,
            Division::Components(c) => mixture.n_components() / c,
            Division::Columns(others) => mixture.dim() + usize::from(others),
        }
    }
}

/// Linear functions as the pass reads them.
pub(crate) struct Functions<'a> {
    pub(super) linear: &'a [Linear],
    pub(super) division: Division,
    /// The number of parts.
    pub(super) parts: usize,
    /// The coefficients of S0 of each function that the columns do not have, shape (functions, K).
    pub(super) mass: Vec<Vec<f64>>,
    /// The coefficients of N, shape (functions, parts).
    pub(super) constants: Vec<f64>,
}

impl<'a> Functions<'a> {
    pub(super) fn new(mixture: &GaussianMixture, linear: &'a [Linear], division: Division) -> Self {
        let mass = match division {
            Division::Columns(_) => linear.iter().map(|linear| linear.mass.clone()).collect(),
            _ => linear.iter().map(Linear::whole_mass).collect(),
        };
        let constants = linear.iter().flat_map(|linear| linear.constants(division)).collect();
        Functions { linear, division, parts: division.parts(mixture), mass, constants }
    }
}
