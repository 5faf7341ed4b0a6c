//! Which code an input reaches, as the build counts it.
//!
//! `rustc -Cpasses=sancov-module` (stable, it is LLVM's) gives every edge between blocks of code a counter of 8 bits, and
//! calls [`__sanitizer_cov_8bit_counters_init`] once with all of them. Without it there are none, and no input reaches
//! anything new.

#![allow(unsafe_code)]

use std::slice;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

static START: AtomicUsize = AtomicUsize::new(0);
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Called by code that the compiler adds, before `main`.
///
/// # Safety
/// The counters from `start` to `end` must be valid for as long as the process lives.
// SAFETY: it is the name that LLVM documents for this purpose, and nothing else in the process defines it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    START.store(start.expose_provenance(), Ordering::Relaxed);
    LENGTH.store(end.addr().saturating_sub(start.addr()), Ordering::Relaxed);
}

fn counters() -> &'static [AtomicU8] {
    let (start, length) = (START.load(Ordering::Relaxed), LENGTH.load(Ordering::Relaxed));
    if length == 0 {
        return &[];
    }
    // SAFETY: these are the counters that the compiler has laid out, which live as long as the process. Code adds to them
    // without atomic instructions, so that a count may be lost, which does not matter: they are read as they are.
    unsafe { slice::from_raw_parts(std::ptr::with_exposed_provenance(start), length) }
}

/// How many counters there are; 0 if the build does not count.
pub fn size() -> usize {
    counters().len()
}

/// What all inputs of a target have reached.
#[derive(Debug, Default)]
pub struct Reached {
    /// For each counter, the orders of magnitude that it had after an input: a bit each.
    seen: Vec<u8>,
    edges: usize,
}

impl Reached {
    /// Adds what was reached since the last call for any target, and begins anew. Whether something was new.
    pub fn take(&mut self) -> bool {
        let counters = counters();
        self.seen.resize(counters.len(), 0);
        // SAFETY: an `AtomicU64` is eight bytes in a row, each of which is valid for it; `align_to` sees to its alignment.
        let (before, words, _) = unsafe { counters.align_to::<AtomicU64>() };
        let mut is_new = false;
        for (index, word) in words.iter().enumerate() {
            // Nearly all are zero.
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            for (offset, count) in word.swap(0, Ordering::Relaxed).to_ne_bytes().into_iter().enumerate() {
                is_new |= self.add(before.len() + index * 8 + offset, count);
            }
        }
        is_new
    }

    /// How many edges were reached.
    pub fn edges(&self) -> usize {
        self.edges
    }

    fn add(&mut self, index: usize, count: u8) -> bool {
        if count == 0 {
            return false;
        }
        let magnitude = 1 << (u8::BITS - 1 - count.leading_zeros()).min(7);
        let seen = &mut self.seen[index];
        self.edges += usize::from(*seen == 0);
        let is_new = *seen & magnitude == 0;
        *seen |= magnitude;
        is_new
    }
}
