//! The loop: takes a known input, changes it, runs it, and keeps it if it reaches new code.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::corpus::Folders;
use crate::coverage::Reached;
use crate::watchdog::Watchdog;
use crate::{Breach, Meter, Scope, Target, execution};

/// How many runs may go into making a finding shorter.
const MAX_SHORTENING_RUNS: usize = 3000;

/// The length of most inputs.
const SHORT_BYTES: usize = 12 << 10;

/// What a run of one target comes to.
#[derive(Debug)]
pub struct Summary {
    target: &'static str,
    inputs: u64,
    elapsed: Duration,
    slowest: Duration,
    kept: usize,
    edges: usize,
    meter: Meter,
    /// What was found: the file of the input, and the law that it broke.
    pub findings: Vec<(PathBuf, Breach)>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, inputs, elapsed, slowest, kept, edges, meter, findings } = self;
        let per_second = *inputs as f64 / elapsed.as_secs_f64().max(0.001);
        write!(
            f,
            "{target:16} {inputs:>10} inputs {per_second:>7.0}/s, slowest {:>5} ms, memory at most {:>3.0} % of the \
             bound, {:>4.1} bytes per byte, {kept:>5} kept, {edges:>6} edges, {} findings",
            slowest.as_millis(),
            meter.share * 100.0,
            meter.bytes_per_byte,
            findings.len()
        )
    }
}

/// Runs one target.
pub struct Fuzzer<'t> {
    target: &'t dyn Target,
    folders: Folders,
    rng: Rng,
    inputs: Vec<Vec<u8>>,
    reached: Reached,
    meter: Meter,
    current: File,
    watchdog: Watchdog,
    /// By their kind.
    findings: BTreeMap<String, (PathBuf, Breach)>,
    runs: u64,
    kept: usize,
    slowest: Duration,
}

impl<'t> Fuzzer<'t> {
    /// A loop over a target. The seed decides which inputs it makes.
    ///
    /// # Errors
    /// When the folders cannot be read or written.
    pub fn new(target: &'t dyn Target, folders: Folders, seed: u64) -> io::Result<Self> {
        let current = folders.current(target.name())?;
        Ok(Self {
            watchdog: Watchdog::start(&current),
            current: File::create(current)?,
            target,
            folders,
            rng: Rng::with_seed(seed),
            inputs: Vec::new(),
            reached: Reached::default(),
            meter: Meter::default(),
            findings: BTreeMap::new(),
            runs: 0,
            kept: 0,
            slowest: Duration::ZERO,
        })
    }

    /// Runs all known inputs, and then new ones until the time is over.
    ///
    /// # Errors
    /// When a finding or an input cannot be written.
    pub fn run(mut self, time: Duration) -> io::Result<Summary> {
        let began = Instant::now();
        let name = self.target.name();
        self.reached.take();
        let mut known = self.target.seeds();
        assert!(!known.is_empty(), "{name} has nothing to start from");
        known.extend(self.folders.known(name)?.into_iter().map(|(_, input)| input));
        for input in known {
            self.execute(&input, Scope::All)?;
            self.reached.take();
            self.inputs.push(input);
        }
        for (_, input) in self.folders.kept(name)? {
            self.execute(&input, Scope::One)?;
            if self.reached.take() {
                self.inputs.push(input);
            }
        }
        while began.elapsed() < time {
            let mut input = self.choose().to_vec();
            for _ in 0..=self.rng.usize(..4) {
                let other = self.choose().to_vec();
                input = self.target.mutate(&mut self.rng, &input, &other);
            }
            self.execute(&input, Scope::One)?;
            if self.reached.take() {
                self.folders.keep(name, &input)?;
                self.kept += 1;
                self.inputs.push(input);
            }
        }
        std::fs::remove_file(self.folders.current(name)?)?;
        Ok(Summary {
            target: name,
            inputs: self.runs,
            elapsed: began.elapsed(),
            slowest: self.slowest,
            kept: self.kept,
            edges: self.reached.edges(),
            meter: self.meter,
            findings: self.findings.into_values().collect(),
        })
    }

    /// One of the inputs: of the latest more often than of the others, and seldom one that is long, and so takes the time
    /// of many short ones.
    fn choose(&mut self) -> &[u8] {
        let count = self.inputs.len();
        let latest = if self.rng.u8(..4) == 0 { count.min(16) } else { count };
        let mut at = 0;
        for _ in 0..8 {
            at = count - 1 - self.rng.usize(..latest.max(1));
            if self.inputs[at].len() <= SHORT_BYTES || self.rng.u8(..32) == 0 {
                break;
            }
        }
        &self.inputs[at]
    }

    fn execute(&mut self, input: &[u8], scope: Scope) -> io::Result<()> {
        self.current.set_len(input.len() as u64)?;
        self.current.write_all_at(input, 0)?;
        self.watchdog.begin();
        let began = Instant::now();
        let result = execution::run(self.target, input, scope, &mut self.meter);
        self.slowest = self.slowest.max(began.elapsed());
        self.watchdog.end();
        self.runs += 1;
        let Err(breach) = result else { return Ok(()) };
        if !self.findings.contains_key(&breach.kind()) {
            let (input, breach) = shortened(self.target, input, breach);
            let file = self.folders.report(self.target.name(), &input)?;
            eprintln!(
                "{}: {}: {}\n  {}",
                self.target.name(),
                breach.place,
                first_line(&breach.message),
                file.display()
            );
            self.findings.insert(breach.kind(), (file, breach));
        }
        Ok(())
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// A shorter input that breaks the same law, and how.
fn shortened(target: &dyn Target, input: &[u8], breach: Breach) -> (Vec<u8>, Breach) {
    let (mut best, mut found) = (input.to_vec(), breach);
    let (mut runs, mut length) = (0, best.len() / 2);
    while length > 0 && runs < MAX_SHORTENING_RUNS {
        let mut at = 0;
        while at < best.len() && runs < MAX_SHORTENING_RUNS {
            let end = (at + length).min(best.len());
            let shorter = [&best[..at], &best[end..]].concat();
            runs += 1;
            match execution::run(target, &shorter, Scope::All, &mut Meter::default()) {
                Err(breach) if breach.kind() == found.kind() => (best, found) = (shorter, breach),
                _ => at += length,
            }
        }
        length /= 2;
    }
    (best, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation;

    /// A parser with two bugs.
    struct Faulty;

    impl Target for Faulty {
        fn name(&self) -> &'static str {
            "faulty"
        }

        fn seeds(&self) -> Vec<Vec<u8>> {
            vec![b"an input of no interest: 1234".to_vec()]
        }

        fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
            mutation::bytes::mutate(rng, input, other, &["!"])
        }

        fn check(&self, input: &[u8], _: Scope, meter: &mut Meter) {
            assert!(!input.starts_with(b"!"), "it begins with a mark");
            let is_large = input.windows(2).any(|two| two == b"!!");
            let bytes = if is_large { 10 << 20 } else { 10 };
            meter.measure(crate::Bound::SENT, input.len(), || drop(Vec::<u8>::with_capacity(bytes)));
        }
    }

    #[test]
    fn finds_bugs_and_makes_their_inputs_short() {
        let output = std::env::temp_dir().join(format!("hookd-fuzz-{}", std::process::id()));
        let fuzzer = Fuzzer::new(&Faulty, Folders::new(&output), 7).expect("the folder can be written");
        let summary = fuzzer.run(Duration::from_millis(500)).expect("the folder can be written");
        let inputs: Vec<_> =
            summary.findings.iter().map(|(file, _)| std::fs::read(file).expect("it was written")).collect();
        std::fs::remove_dir_all(&output).expect("the folder is there");
        assert_eq!(summary.findings.len(), 2, "{summary}: {:?}", summary.findings);
        assert!(inputs.contains(&b"!".to_vec()) && inputs.iter().any(|input| input.ends_with(b"!!")), "{inputs:?}");
    }
}
