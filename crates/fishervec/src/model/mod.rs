//! The model file: a pipeline, and statistics, as safetensors with the settings as one JSON text.

mod pipeline;
mod statistics;
mod tensors;

/// Version of the settings' schema.
const SCHEMA: u64 = 1;
