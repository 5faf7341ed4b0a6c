//! Configurations, from their text.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::{Bound, Meter, Scope, Target, mutation};

/// Laws: a text is a valid configuration or has problems, the same ones each time; every problem is one line and has a
/// position that is in the text; memory is bounded.
pub(super) struct Config {
    seeds: Vec<Vec<u8>>,
    /// Words of the seeds: sections, options, values.
    words: Vec<String>,
}

/// Reading a configuration makes the schemas of all sections, dialects and sinks, whatever it contains. Its text is the
/// operator's, so that it may take more for a byte than what anybody may send.
const BOUND: Bound = Bound { bytes_per_byte: 1024, free_bytes: 8 << 20 };

impl Config {
    /// Reads the examples of the manual.
    pub(super) fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut seeds = vec![fs::read(root.join("hookd.toml")).expect("the repository has an example")];
        let mut pages: Vec<PathBuf> =
            ["docs", "docs/dialects"].iter().flat_map(|folder| files(&root.join(folder))).collect();
        pages.sort();
        for page in pages {
            let page = fs::read_to_string(page).expect("pages are text");
            seeds.extend(page.split("```toml\n").skip(1).filter_map(|text| Some(text.split_once("```")?.0.into())));
        }
        let text = String::from_utf8_lossy(&seeds.concat()).into_owned();
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-');
        let mut words: Vec<String> = text.split(|c| !is_inside(c)).map(str::to_owned).collect();
        words.extend(
            ["[[", "]]", "{", "}", "\"\"\"", "''", " = ", "[sinks]", "true", "1e9", "\\u0000"].map(str::to_owned),
        );
        words.sort();
        words.dedup();
        Self { seeds, words }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the manual is there");
    let paths = entries.map(|entry| entry.expect("its folder can be read").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

impl Target for Config {
    fn name(&self) -> &'static str {
        "config"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        self.seeds.clone()
    }

    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
        if rng.bool() {
            return mutation::bytes::mutate_lines(rng, input, other);
        }
        let words: Vec<&str> = (0..8).filter_map(|_| rng.choice(&self.words)).map(String::as_str).collect();
        mutation::bytes::mutate(rng, input, other, &words)
    }

    fn check(&self, input: &[u8], _: Scope, meter: &mut Meter) {
        let text = String::from_utf8_lossy(input);
        // Nothing is there, so that nothing is read but the text.
        let parse = || hookd_config::Config::parse("hookd.toml", &text, Path::new("/nonexistent"));
        let found = meter.measure(BOUND, text.len(), parse);
        let findings = match &found {
            Ok(config) => &config.warnings[..],
            Err(report) => {
                assert!(!report.problems().is_empty(), "invalid without a problem");
                report.problems()
            }
        };
        let lines: Vec<&str> = text.split('\n').collect();
        for finding in findings {
            let shown = finding.to_string();
            assert!(!shown.contains(char::is_control), "a problem with control characters: {shown:?}");
            let (Some(line), Some(column)) = (finding.line, finding.column) else {
                panic!("a problem without a position: {shown}");
            };
            let length = lines.get(line.wrapping_sub(1)).map(|line| line.chars().count());
            assert!(
                length.is_some_and(|length| (1..=length + 1).contains(&column)),
                "a position beyond the text: {shown}"
            );
        }
        let again = parse();
        let same = match (&found, &again) {
            (Ok(one), Ok(other)) => one.warnings == other.warnings,
            (Err(one), Err(other)) => one == other,
            _ => false,
        };
        assert!(same, "read otherwise the second time");
    }
}
