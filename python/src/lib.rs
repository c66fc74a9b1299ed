//! The compiled half of the Python package `fishervec`: thin classes around the library's, with the same
//! names. The public interface (estimators, checks of their inputs) is written in Python, in `py_src/`.

mod batch;
mod contributions;
mod error;
mod files;
mod given;
mod groups;
mod images;
mod lists;
mod mixture;
mod parts;
mod pipeline;
mod report;
mod rounds;
mod statistics;
mod work;

use error::OrRaise;
use fishervec::run::Isa;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Runs the command `fishervec` and returns its exit code.
#[pyfunction]
fn run(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> i32 {
    py.detach(|| fishervec_cli::run(arguments))
}

/// The number of threads that this process may use.
#[pyfunction]
fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The name of the instruction set that is used, which the environment can force until the import.
#[pyfunction]
fn instruction_set() -> PyResult<&'static str> {
    let active = Isa::active().name();
    match Isa::from_environment().or_raise()?.map(Isa::name) {
        Some(asked) if asked != active => Err(PyValueError::new_err(format!(
            "FISHERVEC_SIMD asks for {asked}, but {active} was chosen when fishervec was imported: \
             set it before the import"
        ))),
        _ => Ok(active),
    }
}

/// A number that stands for these bytes, in hexadecimal (XXH3).
#[pyfunction]
fn fingerprint(py: Python<'_>, data: PyReadonlyArray1<'_, u8>) -> PyResult<String> {
    let data = data.as_slice()?;
    Ok(format!("{:016x}", py.detach(|| xxhash_rust::xxh3::xxh3_64(data))))
}

/// Whether the last `n_positions` columns, which are said to be positions, are distributed like all others.
#[pyfunction]
fn are_like_the_others(rows: PyReadonlyArray2<'_, f64>, n_positions: usize) -> bool {
    fishervec::data::are_like_the_others(rows.as_array(), n_positions)
}

#[pymodule(gil_used = false)]
fn _fishervec(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // The instruction set is detected now, so that no fork can happen during the detection.
    let _ = Isa::active();
    module.add_class::<contributions::Gathered>()?;
    module.add_class::<files::Information>()?;
    module.add_class::<files::SetFile>()?;
    module.add_class::<mixture::GaussianMixture>()?;
    module.add_class::<groups::GroupSums>()?;
    module.add_class::<pipeline::Pipeline>()?;
    module.add_class::<report::Survey>()?;
    module.add_class::<parts::Cuts>()?;
    module.add_class::<parts::Moments>()?;
    module.add_class::<parts::Partial>()?;
    module.add_class::<parts::Scatter>()?;
    module.add_class::<rounds::Rounds>()?;
    module.add_class::<rounds::Stepwise>()?;
    module.add_class::<statistics::Statistics>()?;
    module.add_function(wrap_pyfunction!(run, module)?)?;
    module.add_function(wrap_pyfunction!(available_threads, module)?)?;
    module.add_function(wrap_pyfunction!(are_like_the_others, module)?)?;
    module.add_function(wrap_pyfunction!(contributions::contributions, module)?)?;
    module.add_function(wrap_pyfunction!(contributions::image_contributions, module)?)?;
    module.add_function(wrap_pyfunction!(contributions::smoothed, module)?)?;
    module.add_function(wrap_pyfunction!(fingerprint, module)?)?;
    module.add_function(wrap_pyfunction!(instruction_set, module)?)?;
    module.add_function(wrap_pyfunction!(files::labels_of_table, module)?)?;
    module.add_function(wrap_pyfunction!(files::list_files, module)?)?;
    module.add_function(wrap_pyfunction!(lists::id_of_list, module)?)?;
    module.add_function(wrap_pyfunction!(lists::is_list, module)?)?;
    module.add_function(wrap_pyfunction!(lists::load_list, module)?)?;
    module.add_function(wrap_pyfunction!(lists::save_list, module)?)?;
    module.add_function(wrap_pyfunction!(lists::scan_files, module)?)?;
    module.add_function(wrap_pyfunction!(files::sample_rows, module)?)?;
    module.add_function(wrap_pyfunction!(images::features, module)?)?;
    module.add_function(wrap_pyfunction!(images::positions, module)?)?;
    module.add_function(wrap_pyfunction!(images::squares, module)?)?;
    module.add_function(wrap_pyfunction!(images::sample_features, module)?)?;
    module.add_function(wrap_pyfunction!(images::encode_images, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
