//! What stands between the floor and hookd: the floor with one more step of those that no hookd can leave out.
//!
//! Run as `bench-steps ADDRESS SECRET STEP`, where each step has those before it:
//!
//! - `proved`: checks the signature, HMAC-SHA256;
//! - `parsed`: parses the JSON;
//! - `handed`: hands the body to one thread, and answers when that says so;
//! - `packed`: that thread compresses what waits as one zstd block, level 1;
//! - `written`: and writes it to a file that is as large as it gets already, with one `fdatasync` for all of it.
//!
//! There is no more to it: nothing is translated, nothing is looked for, and nothing could be found again. What is left
//! with all of them is about the most that a hookd of these libraries can reach; `cargo xtask bench --steps` shows it.

#![forbid(unsafe_code)]

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use hookd_core::{Keys, SignatureHash, View};
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is done, each step with those before it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Step {
    Proved,
    Parsed,
    Handed,
    Packed,
    Written,
}

/// The bytes of the file, which is written over from the begin when they are full.
const FILE: usize = 64 << 20;

/// How long the thread waits for company when the last batch was larger, as hookd's writer does.
const GATHER: Duration = Duration::from_micros(100);

/// A body, and whom to tell that it is done with.
struct Job(Bytes, oneshot::Sender<()>);

struct Server {
    keys: Keys,
    step: Step,
    jobs: SyncSender<Job>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.as_slice() {
        [address, secret, step] => match step_of(step) {
            Some(step) => actix_web::rt::System::new().block_on(serve(address, secret, step)),
            None => Err(std::io::Error::other(format!("there is no step `{step}`"))),
        },
        _ => Err(std::io::Error::other("usage: bench-steps ADDRESS SECRET STEP")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-steps: {error}");
            ExitCode::FAILURE
        }
    }
}

fn step_of(name: &str) -> Option<Step> {
    Some(match name {
        "proved" => Step::Proved,
        "parsed" => Step::Parsed,
        "handed" => Step::Handed,
        "packed" => Step::Packed,
        "written" => Step::Written,
        _ => return None,
    })
}

async fn serve(address: &str, secret: &str, step: Step) -> std::io::Result<()> {
    let (jobs, waiting) = sync_channel(4096);
    let mut writer = Writer::new(step, waiting)?;
    std::thread::spawn(move || writer.run().expect("the file is written and synced"));
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let server = Data::new(Server { keys: Keys::new([secret.as_bytes().to_vec()]), step, jobs });
    HttpServer::new(move || App::new().app_data(Data::clone(&server)).default_service(web::post().to(take)))
        .listen(listener)?
        .run()
        .await
}

async fn take(server: Data<Server>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let signature = request.headers().get("X-Hub-Signature-256").map_or(&b""[..], |value| value.as_bytes());
    if server.keys.check_signature(signature, SignatureHash::Sha256, &body).is_err() {
        return HttpResponse::BadRequest().finish();
    }
    if server.step >= Step::Parsed && View::read(&body, |_| Ok(())).is_err() {
        return HttpResponse::BadRequest().finish();
    }
    if server.step >= Step::Handed {
        let (done, is_done) = oneshot::channel();
        if server.jobs.try_send(Job(body, done)).is_err() || is_done.await.is_err() {
            return HttpResponse::ServiceUnavailable().finish();
        }
    }
    HttpResponse::Accepted().finish()
}

/// The thread that all bodies are handed to.
struct Writer {
    step: Step,
    waiting: Receiver<Job>,
    compressor: zstd::bulk::Compressor<'static>,
    file: Option<File>,
}

impl Writer {
    fn new(step: Step, waiting: Receiver<Job>) -> std::io::Result<Self> {
        let file = (step >= Step::Written).then(|| {
            let file = File::create("written")?;
            file.write_all_at(&vec![1; FILE], 0)?;
            file.sync_all()?;
            Ok::<File, std::io::Error>(file)
        });
        Ok(Self { step, waiting, compressor: zstd::bulk::Compressor::new(1)?, file: file.transpose()? })
    }

    fn run(&mut self) -> std::io::Result<()> {
        let (mut last, mut offset) = (0, 0);
        let mut bodies = Vec::new();
        while let Ok(first) = self.waiting.recv() {
            let mut batch = vec![first];
            batch.extend(self.waiting.try_iter());
            if batch.len() < last {
                std::thread::sleep(GATHER);
                batch.extend(self.waiting.try_iter());
            }
            last = batch.len();
            if self.step >= Step::Packed {
                bodies.clear();
                batch.iter().for_each(|Job(body, _)| bodies.extend_from_slice(body));
                let packed = self.compressor.compress(&bodies)?;
                if let Some(file) = &self.file {
                    if offset + packed.len() > FILE {
                        offset = 0;
                    }
                    file.write_all_at(&packed, offset as u64)?;
                    file.sync_data()?;
                    offset += packed.len();
                }
            }
            for Job(_, done) in batch {
                // Who has gone away needs no answer.
                let _ = done.send(());
            }
        }
        Ok(())
    }
}
