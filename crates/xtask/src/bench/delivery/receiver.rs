//! A receiver of the sink `webhook`: it takes everything, and remembers when.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// When the last change of each delivery arrived, by the number of the delivery.
type Arrivals = Arc<Mutex<HashMap<u64, Instant>>>;

pub(super) struct Receiver {
    address: SocketAddr,
    arrivals: Arrivals,
}

impl Receiver {
    /// Starts it; it ends with this process.
    pub(super) fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("the receiver: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("the receiver: {error}"))?;
        let arrivals = Arrivals::default();
        let shared = Arc::clone(&arrivals);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrivals = Arc::clone(&shared);
                // A client that hangs up wants no answer.
                thread::spawn(move || drop(serve(stream, &arrivals)));
            }
        });
        Ok(Self { address, arrivals })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What has arrived since this was asked last.
    pub(super) fn take(&self) -> HashMap<u64, Instant> {
        std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Of how many deliveries something has arrived since then.
    pub(super) fn count(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn serve(stream: TcpStream, arrivals: &Mutex<HashMap<u64, Instant>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        body.resize(length, 0);
        input.read_exact(&mut body)?;
        let arrived = Instant::now();
        output.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        if let Some(deliveryid) = deliveryid(&body) {
            arrivals.lock().unwrap_or_else(PoisonError::into_inner).insert(deliveryid, arrived);
        }
    }
}

/// The number of the delivery in an event; parsing all of it would take longer than hookd takes to send it.
fn deliveryid(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let digits = text.split_once("\"deliveryid\":")?.1.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_number_of_a_delivery() {
        assert_eq!(
            deliveryid(br#"{"data":{"hookd_id":"x","changeid":17,"deliveryid":9,"dialect":"github"}}"#),
            Some(9)
        );
        assert_eq!(deliveryid(b"{}"), None);
    }
}
