//! Hashes of passwords: computed off the event loop, a few at a time, behind a queue with bounds.
//!
//! A hash takes time and memory on purpose, and any sender can cause one. So the bounds are those of the whole process:
//! they count whatever file a hash is from, and a reload does not begin them anew. Whoever is known costs no hash (see
//! [`Verified`]), and requests with the same credentials share one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use argon2::{Argon2, PasswordVerifier};
use tokio::sync::{OnceCell, Semaphore};

use super::credentials::Credentials;
use super::verified::{Digest, Verified};

/// How many hashes are computed at a time.
const MAX_RUNNING: usize = 2;

/// How many hashes are computed or waited for, in all.
const MAX_QUEUED: usize = 64;

/// How many of them for one address; for IPv6, one network of 64 bits, which is what a single customer has.
const MAX_QUEUED_PER_ADDRESS: usize = 8;

/// The most bytes of a password that bcrypt looks at.
pub(super) const MAX_BCRYPT_BYTES: usize = 72;

/// There is no place in the queue; the password was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// The queue of this process.
pub(super) static HASHES: LazyLock<Hashes> = LazyLock::new(Hashes::default);

/// Computes hashes, within bounds.
pub(super) struct Hashes {
    running: Arc<Semaphore>,
    queued: Arc<Mutex<Queued>>,
    /// What is being computed, so that the same is not computed twice.
    in_progress: Mutex<HashMap<Work, Arc<OnceCell<bool>>>>,
    verified: Arc<Verified>,
}

/// What is computed: whose password and with which hash, and whether the result counts.
type Work = (Digest, bool);

/// What is computed or waited for.
#[derive(Default)]
struct Queued {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Takes part in what is in progress; the last one that leaves, with or without a result, removes it.
struct Share<'h> {
    hashes: &'h Hashes,
    work: Work,
    cell: Arc<OnceCell<bool>>,
}

/// A place in the queue, given back when it is dropped.
struct Place {
    address: IpAddr,
    queued: Arc<Mutex<Queued>>,
}

impl Default for Hashes {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            queued: Arc::default(),
            in_progress: Mutex::default(),
            verified: Arc::default(),
        }
    }
}

impl Hashes {
    /// Whether the password is that of one of these hashes. If `is_known` is false, the same work is done for nothing.
    ///
    /// # Errors
    /// When the queue is full, or this address has too many places in it.
    pub(super) async fn verify(
        &self,
        given: &Credentials,
        hashes: Vec<String>,
        is_known: bool,
        address: IpAddr,
    ) -> Result<bool, Busy> {
        let digests: Vec<Digest> = hashes.iter().map(|hash| self.verified.digest(given, hash)).collect();
        if is_known && digests.iter().any(|digest| self.verified.has(digest)) {
            return Ok(true);
        }
        let Some(first) = digests.first().copied() else { return Ok(false) };
        let share = self.share((first, is_known));
        // If the request that computes it goes away, another that waits for it does.
        share
            .cell
            .get_or_try_init(|| async {
                let place = self.place(address)?;
                let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
                let (password, verified) = (given.password.clone(), Arc::clone(&self.verified));
                let work = move || {
                    let _held = (place, permit);
                    // No early end: the time must not tell how many hashes a user has.
                    let mut is_valid = false;
                    for (hash, digest) in hashes.iter().zip(&digests) {
                        if is_password(hash, &password) && is_known {
                            verified.add(*digest);
                            is_valid = true;
                        }
                    }
                    is_valid
                };
                tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
            })
            .await
            .copied()
    }

    fn share(&self, work: Work) -> Share<'_> {
        let cell = Arc::clone(self.in_progress().entry(work).or_default());
        Share { hashes: self, work, cell }
    }

    fn in_progress(&self) -> MutexGuard<'_, HashMap<Work, Arc<OnceCell<bool>>>> {
        self.in_progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, address: IpAddr) -> Result<Place, Busy> {
        let address = network(address);
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = queued.by_address.get(&address).copied().unwrap_or_default();
        if queued.all >= MAX_QUEUED || of_address >= MAX_QUEUED_PER_ADDRESS {
            return Err(Busy);
        }
        queued.all += 1;
        queued.by_address.insert(address, of_address + 1);
        Ok(Place { address, queued: Arc::clone(&self.queued) })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut all = self.hashes.in_progress();
        // The map's own and this one.
        if Arc::strong_count(&self.cell) <= 2 {
            all.remove(&self.work);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        queued.all -= 1;
        if let Some(count) = queued.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                queued.by_address.remove(&self.address);
            }
        }
    }
}

/// What one sender has: an IPv4 address, or 64 bits of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

/// Whether a hash is one that [`is_password`] can check.
pub(super) fn is_supported(hash: &str) -> bool {
    match hash.strip_prefix("$argon2") {
        Some(_) => argon2::password_hash::phc::PasswordHash::new(hash).is_ok(),
        None => hash.parse::<bcrypt::HashParts>().is_ok(),
    }
}

/// Whether a hash can check the whole of a password. bcrypt would not look beyond its 72nd byte, and take whatever
/// follows for the right one.
pub(super) fn covers(hash: &str, password: &str) -> bool {
    hash.starts_with("$argon2") || password.len() <= MAX_BCRYPT_BYTES
}

fn is_password(hash: &str, password: &str) -> bool {
    if hash.starts_with("$argon2") {
        let parsed = argon2::password_hash::phc::PasswordHash::new(hash);
        parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
    } else {
        bcrypt::verify(password, hash).unwrap_or(false) && covers(hash, password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "one";

    fn given(password: &str) -> Credentials {
        Credentials { user: "ann".into(), password: password.into() }
    }

    fn hash(cost: u32) -> String {
        bcrypt::hash(ONE, cost).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn an_address_has_few_places_and_all_have_a_few_more() {
        let hashes = Hashes::default();
        let mut places = Vec::new();
        for last in 0..8 {
            for _ in 0..MAX_QUEUED_PER_ADDRESS {
                places.push(hashes.place(address(last)).unwrap());
            }
            assert!(hashes.place(address(last)).is_err());
        }
        assert_eq!(places.len(), MAX_QUEUED);
        assert!(hashes.place(address(99)).is_err());
        assert_eq!(hashes.verify(&given(ONE), vec![hash(4)], true, address(99)).await, Err(Busy));
        places.truncate(MAX_QUEUED - 1);
        assert_eq!(hashes.verify(&given(ONE), vec![hash(4)], true, address(99)).await, Ok(true));
        assert!(hashes.place(address(99)).is_ok());
        drop(places);
        assert!(hashes.queued.lock().unwrap().by_address.is_empty());
        assert!(hashes.in_progress().is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_leaves_nothing_behind() {
        let hashes = Hashes::default();
        let (given, stored) = (given("wrong"), vec![hash(4)]);
        let running = hashes.running.acquire_many(2).await.unwrap();
        for _ in 0..10 {
            let waiting = hashes.verify(&given, stored.clone(), true, address(1));
            let waited = tokio::time::timeout(std::time::Duration::from_millis(1), waiting).await;
            assert!(waited.is_err(), "nothing is computed now");
        }
        assert!(hashes.in_progress().is_empty());
        assert_eq!(hashes.queued.lock().unwrap().all, 0);
        drop(running);
        assert_eq!(hashes.verify(&given, stored, true, address(1)).await, Ok(false));
    }

    #[test]
    fn a_network_of_ipv6_is_one_sender() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:2::4"), of("2001:db8:1:3::4"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[tokio::test]
    async fn the_same_credentials_take_one_place_and_what_was_verified_none() {
        let hashes = Hashes::default();
        let (given, stored) = (given(ONE), vec![hash(4)]);
        let many = (0..50).map(|_| hashes.verify(&given, stored.clone(), true, address(1)));
        let results = futures(many).await;
        assert_eq!(results, vec![Ok(true); 50]);
        let full: Vec<_> = (0..MAX_QUEUED_PER_ADDRESS).map(|_| hashes.place(address(1)).unwrap()).collect();
        assert_eq!(hashes.verify(&given, stored, true, address(1)).await, Ok(true));
        drop(full);
    }

    /// All of them at once.
    async fn futures<F: Future<Output = Result<bool, Busy>>>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
        let mut all: Vec<_> = all.map(Box::pin).collect();
        let mut results = Vec::new();
        std::future::poll_fn(|context| {
            all.retain_mut(|one| match one.as_mut().poll(context) {
                std::task::Poll::Ready(result) => {
                    results.push(result);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        results
    }

    #[tokio::test]
    async fn an_unknown_user_is_never_accepted_whatever_the_password() {
        let hashes = Hashes::default();
        let stored = vec![hash(4)];
        for _ in 0..2 {
            assert_eq!(hashes.verify(&given(ONE), stored.clone(), false, address(1)).await, Ok(false));
        }
        assert_eq!(hashes.verify(&given(ONE), stored.clone(), true, address(1)).await, Ok(true));
        assert_eq!(hashes.verify(&given(ONE), stored, false, address(1)).await, Ok(false));
    }

    #[test]
    fn bcrypt_checks_no_password_of_more_than_72_bytes() {
        let longest = "x".repeat(MAX_BCRYPT_BYTES);
        let hash = bcrypt::hash(&longest, 4).unwrap();
        assert!(is_password(&hash, &longest));
        let longer = format!("{longest}y");
        assert!(bcrypt::verify(&longer, &hash).unwrap(), "bcrypt itself takes it");
        assert!(!is_password(&hash, &longer));
        assert!(!covers(&hash, &longer) && covers("$argon2id$", &longer));
    }
}
