//! The binary `fishervec`: all the code is in the library, which the Python package calls too.

fn main() -> std::process::ExitCode {
    let code = fishervec_cli::run(std::env::args_os());
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(1))
}
