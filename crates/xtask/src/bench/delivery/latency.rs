//! How long after the answer to a webhook its changes arrive, at a rate that does not depend on the answers.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::child::{Server, until};
use super::super::load::{Load, Push, fresh_seed};
use super::receiver::Receiver;

/// How long it is measured.
const DURATION: Duration = Duration::from_secs(8);

/// How many connections share the rate.
const CONNECTIONS: u32 = 8;

/// How long the last change may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Times in milliseconds, from the answer to the arrival.
pub(super) struct Latency {
    webhooks_per_second: f64,
    count: usize,
    p50: f64,
    p99: f64,
}

/// Sends so many webhooks a second.
pub(super) fn measure(server: &Server, receiver: &Receiver, load: &Load, rate: f64) -> Result<Latency, String> {
    let pushes = load.pushes()?;
    receiver.take();
    let begun = Instant::now();
    let interval = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
    let answered: Result<Vec<_>, String> = thread::scope(|scope| {
        let connections = (0..CONNECTIONS).map(|connection| {
            let (pushes, first) = (&pushes, interval * connection / CONNECTIONS);
            scope.spawn(move || send(server, pushes, u64::from(connection), begun + first, interval, begun + DURATION))
        });
        let connections: Vec<_> = connections.collect();
        connections.into_iter().map(|one| one.join().map_err(|_| "a sender has panicked".to_owned())?).collect()
    });
    let elapsed = begun.elapsed().as_secs_f64();
    let answered: HashMap<u64, Instant> = answered?.into_iter().flatten().collect();
    let all = until(PATIENCE, Duration::from_millis(5), || (receiver.count() >= answered.len()).then_some(()));
    all.ok_or_else(|| format!("{} of {} webhooks have arrived", receiver.count(), answered.len()))?;
    let arrivals = receiver.take();
    // A change may arrive before the answer does.
    let delay = |(deliveryid, answered): (&u64, &Instant)| {
        arrivals.get(deliveryid).map(|arrived| arrived.saturating_duration_since(*answered).as_secs_f64() * 1e3)
    };
    let mut delays: Vec<f64> = answered.iter().filter_map(delay).collect();
    delays.sort_by(f64::total_cmp);
    let percentile = |share: f64| delays.get((delays.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    // Where the machine is too busy for the rate, this says how many it were.
    let webhooks_per_second = answered.len() as f64 / elapsed;
    Ok(Latency { webhooks_per_second, count: delays.len(), p50: percentile(0.5), p99: percentile(0.99) })
}

/// Sends pushes on one connection, one each interval. Returns when each was answered, by the number of its delivery.
fn send(
    server: &Server,
    pushes: &[Push],
    connection: u64,
    mut due: Instant,
    interval: Duration,
    end: Instant,
) -> Result<Vec<(u64, Instant)>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", server.name);
    let mut output = TcpStream::connect(server.address).map_err(failed)?;
    output.set_nodelay(true).map_err(failed)?;
    output.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut input = BufReader::new(output.try_clone().map_err(failed)?);
    let (mut answered, seed) = (Vec::new(), fresh_seed() * 16 + connection);
    for (number, push) in (0..).zip(pushes.iter().cycle()) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if Instant::now() >= end {
            break;
        }
        let id = format!("{seed:x}-{number:x}");
        output.write_all(push.request(server.path, &id, "keep-alive").as_bytes()).map_err(failed)?;
        let (deliveryid, length) = head(&mut input)?;
        answered.push((deliveryid, Instant::now()));
        input.read_exact(&mut vec![0; length]).map_err(failed)?;
        due += interval;
    }
    Ok(answered)
}

/// The number of the delivery and the length of the body of an answer, which must be 202.
fn head(input: &mut BufReader<TcpStream>) -> Result<(u64, usize), String> {
    let (mut deliveryid, mut length, mut first) = (None, 0, String::new());
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Err("hookd closed a connection".to_owned());
        }
        let text = line.trim_end();
        match text.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-hookd-delivery") => deliveryid = value.parse().ok(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(|_| format!("a length of `{value}`"))?;
            }
            Some(_) => {}
            None if text.is_empty() => break,
            None => text.clone_into(&mut first),
        }
    }
    match deliveryid {
        Some(deliveryid) if first.contains(" 202 ") => Ok((deliveryid, length)),
        _ => Err(format!("hookd answered `{first}`")),
    }
}

impl Latency {
    pub(super) fn shown(&self) -> String {
        let Self { webhooks_per_second, count, p50, p99 } = self;
        format!("{webhooks_per_second:.0} webhooks/s, p50 {p50:.2} ms, p99 {p99:.2} ms, of {count}")
    }

    /// Cells of a table.
    pub(super) fn row(&self) -> String {
        format!("{:.0} | {:.2} | {:.2}", self.webhooks_per_second, self.p50, self.p99)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "webhooks_per_second": self.webhooks_per_second, "count": self.count, "p50_ms": self.p50, "p99_ms": self.p99,
        })
    }
}
