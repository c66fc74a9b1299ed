//! The model file: a pipeline, or statistics, as safetensors with the settings as one JSON text.

mod pipeline;
mod statistics;
