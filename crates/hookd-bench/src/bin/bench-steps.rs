//! The steps between the floor and hookd: the floor plus work that hookd cannot do without.
//!
//! Run as `bench-steps ADDRESS SECRET STEP`. Each step includes those before it, and the floor's signature check:
//!
//! - `parsed`: parses the JSON;
//! - `handed`: passes the body to a single thread, and answers when that is done with it;
//! - `packed`: that thread compresses all waiting bodies as one zstd block, level 1;
//! - `written`: and writes it to a preallocated file, with one `fdatasync` per batch.
//!
//! Nothing is translated, deduplicated or retrievable. The speed of the last step is about the most that a hookd with
//! these libraries can reach; `cargo xtask bench --steps` shows it.

#![forbid(unsafe_code)]

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use hookd_bench::Key;
use hookd_core::View;
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The work that is done; each step includes those before it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Step {
    Parsed,
    Handed,
    Packed,
    Written,
}

/// The size of the file, which is overwritten from the start when it is full.
const FILE_BYTES: usize = 64 << 20;

/// How long the thread waits for more bodies if the last batch was larger, as hookd's writer does.
const GATHER_TIME: Duration = Duration::from_micros(100);

/// A body, and where to report that it is done.
struct Job(Bytes, oneshot::Sender<()>);

struct Server {
    key: Key,
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
    std::thread::spawn(move || writer.run().expect("the file can be written and synced"));
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let server = Data::new(Server { key: Key::new(secret.as_bytes()), step, jobs });
    HttpServer::new(move || App::new().app_data(Data::clone(&server)).default_service(web::post().to(receive)))
        .listen(listener)?
        .run()
        .await
}

async fn receive(server: Data<Server>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("X-Hub-Signature-256").and_then(|value| value.to_str().ok());
    if !server.key.verifies(header, &body) {
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

/// The thread that all bodies are passed to.
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
            file.write_all_at(&vec![1; FILE_BYTES], 0)?;
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
                std::thread::sleep(GATHER_TIME);
                batch.extend(self.waiting.try_iter());
            }
            last = batch.len();
            if self.step >= Step::Packed {
                bodies.clear();
                batch.iter().for_each(|Job(body, _)| bodies.extend_from_slice(body));
                let packed = self.compressor.compress(&bodies)?;
                if let Some(file) = &self.file {
                    if offset + packed.len() > FILE_BYTES {
                        offset = 0;
                    }
                    file.write_all_at(&packed, offset as u64)?;
                    file.sync_data()?;
                    offset += packed.len();
                }
            }
            for Job(_, done) in batch {
                // A client that is gone needs no answer.
                let _ = done.send(());
            }
        }
        Ok(())
    }
}
