//! Every case of `tests/reported` is as it says.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use hookd_tests::reported;

/// How many run at a time. Most of them wait.
const THREADS: usize = 4;

/// `HOOKD_REPORTED=gh-` runs those alone whose names begin like this.
#[test]
fn every_case_is_as_expected() {
    let wanted = env::var("HOOKD_REPORTED").unwrap_or_default();
    let is_wanted = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&wanted));
    let cases: Vec<PathBuf> = reported::cases().into_iter().filter(is_wanted).collect();
    assert!(!cases.is_empty(), "no case begins with `{wanted}`");
    let (waiting, problems) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    let next = || waiting.lock().expect("nothing panics with it").next();
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                while let Some(file) = next() {
                    let found = catch_unwind(AssertUnwindSafe(|| reported::run(file)));
                    let found = found.unwrap_or_else(|_| vec!["it panicked: see above".to_owned()]);
                    let id = file.file_stem().unwrap_or_default().to_string_lossy();
                    let lines = found.into_iter().map(|problem| format!("{id}: {problem}"));
                    problems.lock().expect("nothing panics with it").extend(lines);
                }
            });
        }
    });
    let mut problems = problems.into_inner().expect("nothing panics with it");
    problems.sort();
    assert!(problems.is_empty(), "not as expected, of {} cases:\n{}", cases.len(), problems.join("\n"));
}
