//! Conventions of published software and papers, as constants of one struct of independent choices.

use super::information::Information;
use crate::error::{Error, Result};
use crate::util::string_enum::string_enum;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A block of the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// K numbers: the gradient with respect to alpha, where w = softmax(alpha).
    Weights,
    /// K D numbers, component by component: the gradient with respect to the means.
    Means,
    /// K D numbers, component by component: the gradient with respect to the parameter of the variances.
    Variances,
}

impl Block {
    /// The number of its entries.
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

/// The blocks of an encoding, in order: any non-empty choice without repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gradients(Vec<Block>);

impl Gradients {
    /// Weights, means and variances, in the order of the literature.
    #[must_use]
    pub fn all() -> Self {
        Gradients(vec![Block::Weights, Block::Means, Block::Variances])
    }

    /// The given blocks, in the given order.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is none, or one occurs twice.
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

impl Serialize for Gradients {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Gradients {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
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

string_enum! {
    /// The sign of the variance block, which follows from the parameter it is the gradient with respect to.
    pub enum Sign as "sign" {
        /// The gradient with respect to the standard deviation: positive where the set is wider than the
        /// mixture.
        StandardDeviation = "standard-deviation",
        /// The gradient with respect to the precision 1/v, which has the opposite sign.
        Precision = "precision",
    }
}

string_enum! {
    /// The scale of the gradients where no information is applied, with A = S0/N - w,
    /// B = (1/N) sum q (x - mu) and C = (1/N) sum q ((x - mu)^2 - v).
    pub enum Scale as "scale" {
        /// The gradients themselves, of (1/N) log p(X): A, B/v, and C/sigma^3 (with respect to sigma) or -C/2
        /// (with respect to 1/v).
        Gradient = "gradient",
        /// The moments that they consist of: A, B, and C or -C.
        Moment = "moment",
    }
}

/// The choices that define an encoding, under the name of the software or paper that makes them. A convention
/// only sets the defaults of these choices; an explicit choice takes precedence, and power, norm and
/// threshold are not part of it.
///
/// The name is a label: a custom convention is a struct with other choices, and a model file holds the
/// choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convention {
    /// Its name.
    pub name: Cow<'static, str>,
    /// The default blocks, in order.
    pub gradients: Cow<'static, [Block]>,
    /// The default Fisher information.
    pub information: Information,
    /// The sign of the variance block.
    pub sign: Sign,
    /// The scale where no information is applied.
    pub scale: Scale,
}

impl Convention {
    /// Sanchez, Perronnin, Mensink and Verbeek 2013, Eqs. 16 to 18, divided by N.
    pub const SANCHEZ: Convention = Convention {
        name: Cow::Borrowed("sanchez"),
        gradients: Cow::Borrowed(&[Block::Weights, Block::Means, Block::Variances]),
        information: Information::ClosedForm,
        sign: Sign::StandardDeviation,
        scale: Scale::Gradient,
    };

    /// The gist "Fisher vectors with sklearn": `[A | B | -C]`, no Fisher information (Krapac, Verbeek and
    /// Jurie 2011 scale it empirically).
    pub const GIST: Convention = Convention {
        name: Cow::Borrowed("gist"),
        gradients: Cow::Borrowed(&[Block::Weights, Block::Means, Block::Variances]),
        information: Information::None,
        sign: Sign::Precision,
        scale: Scale::Moment,
    };

    /// VLFeat's `vl_fisher_encode`: no block for the weights. (VLFeat itself also skips components of weight
    /// below 1e-6 and posteriors below 1e-6; a convention does not.)
    pub const VLFEAT: Convention = Convention {
        name: Cow::Borrowed("vlfeat"),
        gradients: Cow::Borrowed(&[Block::Means, Block::Variances]),
        information: Information::ClosedForm,
        sign: Sign::StandardDeviation,
        scale: Scale::Gradient,
    };

    /// scikit-image's `fisher_vector`: the variance block has the opposite sign.
    pub const SCIKIT_IMAGE: Convention = Convention {
        name: Cow::Borrowed("scikit-image"),
        gradients: Cow::Borrowed(&[Block::Weights, Block::Means, Block::Variances]),
        information: Information::ClosedForm,
        sign: Sign::Precision,
        scale: Scale::Gradient,
    };

    /// All conventions that have a name here.
    pub const ALL: [Convention; 4] = [Self::SANCHEZ, Self::GIST, Self::VLFEAT, Self::SCIKIT_IMAGE];

    /// Their names.
    pub const NAMES: [&'static str; 4] = ["sanchez", "gist", "vlfeat", "scikit-image"];

    /// The convention of that name.
    ///
    /// # Errors
    /// [`Error::Parameter`] that lists the names.
    pub fn by_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|convention| convention.name == name)
            .ok_or_else(|| Error::parameter("convention", format!("one of {}", Self::NAMES.join(", ")), name))
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
        f.write_str(&self.name)
    }
}
