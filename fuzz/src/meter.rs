//! How much memory an input takes.

use peak_alloc::PeakAlloc;

/// Counts what every binary with this library allocates.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Inputs of fewer bytes than this do not count for [`Meter::bytes_per_byte`]: what all inputs take would decide.
const MIN_INPUT_BYTES: usize = 16 << 10;

/// What an input may allocate.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// For each of its bytes.
    pub bytes_per_byte: usize,
    /// However short it is, in bytes.
    pub free_bytes: usize,
}

impl Bound {
    /// The bound of what senders send: 64 bytes for each byte, and 1 MiB.
    pub const SENT: Self = Self { bytes_per_byte: 64, free_bytes: 1 << 20 };

    fn bytes(self, input_bytes: usize) -> usize {
        input_bytes.saturating_mul(self.bytes_per_byte).saturating_add(self.free_bytes)
    }
}

/// Measures the memory that inputs take, and compares it with a bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// The largest part of its bound that an input took, 1 being all of it.
    pub share: f64,
    /// The most bytes that an input of 16 KiB and more took for each of its bytes.
    pub bytes_per_byte: f64,
}

impl Meter {
    /// Runs `work` on an input of so many bytes, which may allocate within `bound` at any moment.
    ///
    /// # Panics
    /// When it takes more.
    pub fn measure<T>(&mut self, bound: Bound, input_bytes: usize, work: impl FnOnce() -> T) -> T {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let result = work();
        let peak = ALLOCATOR.peak_usage().saturating_sub(before);
        let allowed = bound.bytes(input_bytes);
        self.share = self.share.max(peak as f64 / allowed as f64);
        if input_bytes >= MIN_INPUT_BYTES {
            self.bytes_per_byte = self.bytes_per_byte.max(peak as f64 / input_bytes as f64);
        }
        assert!(peak <= allowed, "{peak} bytes of memory for an input of {input_bytes} bytes, of {allowed} at most");
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "bytes of memory for an input of 10 bytes")]
    fn sees_memory_that_is_given_back_at_once() {
        Meter::default().measure(Bound::SENT, 10, || drop(Vec::<u8>::with_capacity(2 << 20)));
    }
}
