//! The model file: a pipeline, or statistics, as safetensors with the settings as one JSON text.

mod partial;
mod pipeline;
mod rounds;
mod statistics;
