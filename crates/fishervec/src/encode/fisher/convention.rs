//! Conventions in the wild, as constants of one struct of orthogonal choices.

use super::information::Information;
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A block of the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// K numbers: the gradient for alpha, where w = softmax(alpha).
    Weights,
    /// K D numbers, component by component: the gradient for the means.
    Means,
    /// K D numbers, component by component: the gradient for the variances' parameter.
    Variances,
}

impl Block {
    /// Its number of entries.
    pub(crate) fn len(self, k: usize, d: usize) -> usize {
        if self == Block::Weights { k } else { k * d }
    }

    fn letter(self) -> &'static str {
        match self {
            Block::Weights => "w",
            Block::Means => "m",
            Block::Variances => "v",
        }
    }
}

/// Which blocks an encoding has, in their order: any non-empty choice without repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gradients(Vec<Block>);

impl Gradients {
    /// Weights, means, variances: all three, in the literature's order.
    #[must_use]
    pub fn all() -> Self {
        Gradients(vec![Block::Weights, Block::Means, Block::Variances])
    }

    /// The given blocks, in the given order.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is none or one stands twice.
    pub fn new(blocks: &[Block]) -> Result<Self> {
        let repeated = blocks.iter().enumerate().any(|(i, block)| blocks[..i].contains(block));
        if blocks.is_empty() || repeated {
            let got = Gradients(blocks.to_vec()).to_string();
            return Err(Error::parameter("gradients", "some of w, m, v, each once", format!("{got:?}")));
        }
        Ok(Gradients(blocks.to_vec()))
    }

    /// The blocks in order.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.0
    }
}

impl fmt::Display for Gradients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: Vec<_> = self.0.iter().map(|block| block.letter()).collect();
        f.write_str(&letters.join(","))
    }
}

impl FromStr for Gradients {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let block = |letter: &str| match letter.trim() {
            "w" => Ok(Block::Weights),
            "m" => Ok(Block::Means),
            "v" => Ok(Block::Variances),
            other => Err(Error::parameter("gradients", "some of w, m, v, each once", format!("{other:?}"))),
        };
        Gradients::new(&text.split(',').map(block).collect::<Result<Vec<_>>>()?)
    }
}

/// The sign of the variance block: which parameter it is the gradient for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// For the standard deviation: positive where the set is wider than the mixture.
    StandardDeviation,
    /// For the precision 1/v: the opposite sign.
    Precision,
}

/// The unit of the gradients where no information is applied. With A = S0/N - w,
/// B = (1/N) sum q (x - mu) and C = (1/N) sum q ((x - mu)^2 - v):
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// The gradients themselves, of (1/N) log p(X): A, B/v, and C/sigma^3 (for sigma) or -C/2 (for 1/v).
    Gradient,
    /// The moments they are made of: A, B, and C or -C.
    Moment,
}

/// What an encoding is made of, under the name of who does it so. A convention only sets the defaults of
/// these choices; an explicit choice wins, and power, norm and threshold are not its business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convention {
    /// Its name.
    pub name: &'static str,
    /// The blocks it has by default, in order.
    pub gradients: &'static [Block],
    /// The Fisher information it applies by default.
    pub information: Information,
    /// The sign of the variance block.
    pub sign: Sign,
    /// The unit where no information is applied.
    pub scale: Scale,
}

impl Convention {
    /// Sanchez, Perronnin, Mensink and Verbeek 2013, Eqs. 16 to 18, divided by N.
    pub const SANCHEZ: Convention = Convention {
        name: "sanchez",
        gradients: &[Block::Weights, Block::Means, Block::Variances],
        information: Information::ClosedForm,
        sign: Sign::StandardDeviation,
        scale: Scale::Gradient,
    };

    /// The gist "Fisher vectors with sklearn": `[A | B | -C]`, no Fisher information (Krapac, Verbeek and
    /// Jurie 2011 scale it empirically).
    pub const GIST: Convention = Convention {
        name: "gist",
        gradients: &[Block::Weights, Block::Means, Block::Variances],
        information: Information::None,
        sign: Sign::Precision,
        scale: Scale::Moment,
    };

    /// VLFeat's `vl_fisher_encode`: no block for the weights. (VLFeat itself also skips components of weight
    /// below 1e-6 and posteriors below 1e-6; a convention does not.)
    pub const VLFEAT: Convention =
        Convention { name: "vlfeat", gradients: &[Block::Means, Block::Variances], ..Self::SANCHEZ };

    /// scikit-image's `fisher_vector`: the variance block has the opposite sign.
    pub const SCIKIT_IMAGE: Convention =
        Convention { name: "scikit-image", sign: Sign::Precision, ..Self::SANCHEZ };

    /// All conventions known by name.
    pub const ALL: [Convention; 4] = [Self::SANCHEZ, Self::GIST, Self::VLFEAT, Self::SCIKIT_IMAGE];

    /// The convention of that name.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the names there are.
    pub fn by_name(name: &str) -> Result<Self> {
        let names = || Self::ALL.map(|convention| convention.name).join(", ");
        Self::ALL
            .into_iter()
            .find(|convention| convention.name == name)
            .ok_or_else(|| Error::parameter("convention", format!("one of {}", names()), name))
    }
}

impl FromStr for Convention {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::by_name(name)
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
