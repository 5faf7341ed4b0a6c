//! Writes pushes for `wrk` to a file: each line has the HMAC-SHA1 and the HMAC-SHA256 in hexadecimal, and the body.
//!
//! Run as `bench-requests FILE COUNT SEED SECRET REPOSITORIES BRANCHES`; it prints the sizes of the bodies.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

use hmac::{Hmac, KeyInit, Mac};
use hookd_bench::{Pusher, World};
use sha1::Sha1;
use sha2::Sha256;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-requests: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [path, count, seed, secret, repositories, branches] = arguments else {
        return Err("expected FILE COUNT SEED SECRET REPOSITORIES BRANCHES".to_owned());
    };
    let number = |text: &String| text.parse::<usize>().map_err(|error| format!("`{text}`: {error}"));
    let seed = number(seed)? as u64;
    let world = World::new(seed, number(repositories)?, number(branches)?);
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let (mut smallest, mut largest, mut total) = (usize::MAX, 0, 0);
    let count = number(count)?;
    for body in Pusher::new(&world, seed + 1).take(count) {
        let sha1 = signed(Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any key"), &body);
        let sha256 = signed(Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key"), &body);
        writeln!(file, "{sha1} {sha256} {body}").map_err(failed)?;
        (smallest, largest, total) = (smallest.min(body.len()), largest.max(body.len()), total + body.len());
    }
    file.flush().map_err(failed)?;
    println!("{count} pushes of {smallest} to {largest} bytes, {} on average", total / count.max(1));
    Ok(())
}

fn signed<M: Mac>(mut mac: M, body: &str) -> String {
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
