//! A score, and what of it comes from where.

use crate::data::Source;
use crate::encode::{By, Encode, Scores};
use crate::error::Result;
use crate::mixture::Workspace;
use crate::pipeline::Pipeline;
use crate::util::threads::Threads;
use ndarray::{ArrayView1, Axis};

/// A component's part of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComponentShare {
    /// Its number, from 0.
    pub component: usize,
    /// Its weight in the mixture: the share of all descriptors.
    pub typical: f64,
    /// The share of the set's descriptors for which it is the likeliest.
    pub here: f64,
    /// Its part of the score: the sum of t_j f_j over its entries of the vector.
    pub share: f64,
}

/// A score t . f of the encoding f of a set, and what of it comes from which descriptor and which component.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The score, without a bias.
    pub score: f64,
    /// The share of each descriptor, shape (n,), which sum to the score
    /// ([`Pipeline::contributions`]).
    pub shares: Vec<f64>,
    /// The component that is the likeliest for each descriptor, shape (n,); `None` for an encoder without
    /// components.
    pub likeliest: Option<Vec<usize>>,
    /// The parts of the components, which sum to the score, in their order; none for an encoder without
    /// components.
    pub components: Vec<ComponentShare>,
}

impl Explanation {
    /// Explains the score with coefficients t, shape (P,), of a set of shape (n, D).
    ///
    /// # Errors
    /// As [`Pipeline::contributions`]. Cost: that of the contributions, and O(n K D) for the likeliest
    /// components; memory O(n + P).
    pub fn of<S: Source>(
        pipeline: &Pipeline,
        source: &S,
        coef: ArrayView1<'_, f64>,
        threads: &Threads,
    ) -> Result<Self> {
        let workspace = Workspace::default();
        let scores = Scores::new(coef.insert_axis(Axis(0)));
        let (vector, shares) = pipeline.vector_and_contributions(source, &scores, threads, &workspace)?;
        let parts = pipeline.parts_of_scores(&vector, &scores.by(By::Component));
        let likeliest = pipeline.likeliest(source, threads)?;
        Ok(Explanation {
            score: coef.iter().zip(&vector).map(|(t, f)| t * f).sum(),
            shares: shares.into_iter().collect(),
            components: match &likeliest {
                Some(likeliest) => components(pipeline, likeliest, parts.row(0)),
                None => Vec::new(),
            },
            likeliest,
        })
    }

    /// The sum of all shares above zero, and of all below.
    #[must_use]
    pub fn for_and_against(&self) -> [f64; 2] {
        let sum = |sign: f64| self.shares.iter().filter(|share| sign * **share > 0.0).sum::<f64>() + 0.0;
        [sum(1.0), sum(-1.0)]
    }

    /// The share of the descriptors that carry `part` of all that speaks for the score; `None` if nothing
    /// does.
    #[must_use]
    pub fn carriers(&self, part: f64) -> Option<f64> {
        let mut shares: Vec<f64> = self.shares.iter().copied().filter(|share| *share > 0.0).collect();
        shares.sort_by(|a, b| b.total_cmp(a));
        let (all, mut sum) = (shares.iter().sum::<f64>(), 0.0);
        let enough = |share: &f64| {
            sum += share;
            sum >= part * all
        };
        let n = shares.iter().position(enough)? + 1;
        Some(n as f64 / self.shares.len() as f64)
    }
}

fn components(pipeline: &Pipeline, likeliest: &[usize], parts: ArrayView1<'_, f64>) -> Vec<ComponentShare> {
    let mut counts = vec![0_usize; parts.len()];
    likeliest.iter().for_each(|k| counts[*k] += 1);
    let weights = pipeline.encoder().mixture().map(|mixture| mixture.weights().to_vec()).unwrap_or_default();
    let n = likeliest.len().max(1) as f64;
    let share = |(component, share): (usize, &f64)| ComponentShare {
        component,
        typical: weights.get(component).copied().unwrap_or(0.0),
        here: counts[component] as f64 / n,
        share: *share,
    };
    parts.iter().enumerate().map(share).collect()
}
