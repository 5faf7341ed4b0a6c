//! Runs the inputs of the repository, and the seeds, in all variants.

use std::path::Path;

use hookd_fuzz::corpus::Folders;
use hookd_fuzz::{Meter, Scope, run, targets};

/// One test, since memory is counted for the whole process.
#[test]
fn known_inputs_break_no_law() {
    let folders = Folders::new(Path::new("target/fuzz"));
    let mut breaches = Vec::new();
    let mut count = 0;
    for target in targets::all() {
        let seeds = target.seeds().into_iter().enumerate();
        let seeds = seeds.map(|(number, input)| (format!("{} seed {number}", target.name()), input));
        let files = folders.known(target.name()).expect("the folders can be read");
        let files = files.into_iter().map(|(path, input)| (path.display().to_string(), input));
        let all: Vec<_> = seeds.chain(files).collect();
        assert!(!all.is_empty(), "{} has no input", target.name());
        for (name, input) in all {
            count += 1;
            let result = run(&*target, &input, Scope::All, &mut Meter::default());
            breaches.extend(result.err().map(|breach| format!("{name}: {}: {}", breach.place, breach.message)));
        }
    }
    assert!(breaches.is_empty(), "of {count} known inputs:\n{}", breaches.join("\n"));
}
