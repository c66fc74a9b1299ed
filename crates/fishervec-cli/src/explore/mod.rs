//! `fishervec explore`: serves the live page to this machine until it is stopped.

mod browser;
mod server;

use crate::args::ExploreArguments;
use crate::{stdout, tell};
use anyhow::anyhow;
use std::net::{Ipv4Addr, TcpListener};

/// One file that asks for nothing else, put together of `explorer/` by `make explorer`.
const PAGE: &[u8] = include_bytes!("page.html");

pub(crate) fn run(arguments: &ExploreArguments) -> anyhow::Result<i32> {
    let listener = listen(arguments.port)?;
    let address = format!("http://{}/", listener.local_addr()?);
    stdout::print(&address)?;
    let opened = if arguments.no_open { Ok(()) } else { browser::open(&address) };
    match opened {
        Ok(()) => tell("The live page is served to this machine at that address. Ctrl-C stops it."),
        Err(reason) => tell(&format!("{reason}: open that address in one. Ctrl-C stops serving it.")),
    }
    server::serve(&listener, PAGE)
}

/// Listens to this machine alone.
fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).map_err(|error| match port {
        Some(port) => {
            anyhow!("--port {port}: {error}; choose another, or leave --port out to get a free one")
        }
        None => anyhow!("this machine has no free port: {error}"),
    })
}
