//! A server of one page: as much of HTTP/1.1 (RFC 9112) as a browser needs to get it.

use anyhow::anyhow;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// How long a client may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of a request's head.
const MAX_HEAD: u64 = 16 * 1024;

/// Answers every request at the listener, each on a thread of its own; returns only if the listener fails.
pub(super) fn serve(listener: &TcpListener, page: &'static [u8]) -> anyhow::Result<i32> {
    loop {
        match listener.accept() {
            // Browsers open connections that they never use, and leave early: nobody has to know.
            Ok((client, _)) => drop(std::thread::Builder::new().spawn(move || answer(&client, page))),
            Err(error) if is_of_client(&error) => {}
            Err(error) => return Err(anyhow!("the page can no longer be served: {error}")),
        }
    }
}

/// Whether a client that left before it was accepted made the error.
fn is_of_client(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}

fn answer(client: &TcpStream, page: &[u8]) -> std::io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(client.take(MAX_HEAD));
    let mut request = String::new();
    head.read_line(&mut request)?;
    // A client whose request is not read to its end may take the answer for a lost connection.
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    respond(client, &request, page)
}

fn respond(mut client: &TcpStream, request: &str, page: &[u8]) -> std::io::Result<()> {
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = target.split(['?', '#']).next().unwrap_or("");
    let (status, kind, body): (&str, &str, &[u8]) = match (method, path) {
        ("GET" | "HEAD", "/" | "/index.html") => ("200 OK", "text/html; charset=utf-8", page),
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain; charset=utf-8", b"The page is at /\n"),
        _ => ("405 Method Not Allowed\r\nAllow: GET, HEAD", "text/plain; charset=utf-8", b"GET the page\n"),
    };
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )?;
    if method != "HEAD" {
        client.write_all(body)?;
    }
    client.flush()
}
