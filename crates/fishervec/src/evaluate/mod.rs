//! How well vectors find their like: the most similar ones by cosine, and how often they have the same label.

mod score;
mod search;

pub use score::{Evaluation, evaluate, evaluate_queries};
pub use search::{Neighbours, neighbours};
