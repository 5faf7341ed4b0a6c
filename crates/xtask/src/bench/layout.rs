//! `cargo xtask layout`: lists for the linker what hookd runs, so that it lies together in the binary.
//!
//! Linux maps sixteen pages of a file around each one that is needed. What a start and a day's work run is a third of the
//! binary, but everywhere in it, so that nearly all of it became resident. First comes what starting and receiving need, then
//! what sinks and pages need besides, each function by its whole name. The hash in it, which tells the copies of a generic
//! function apart, changes with the dependencies; so all copies of these functions follow, and a list that is no longer
//! right costs memory, but much less than none.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Args;

use super::load::Load;
use super::servers::{HOOKD, start_hookd_as};
use super::{binary, fresh, http};
use crate::{peers, tools};

/// The list, as a linker script; the build script of `hookd` hands it to the linker.
const LAYOUT: &str = "hookd/layout.ld";

/// What it begins with.
const HEADER: &str = "/* Written by `cargo xtask layout`, which says why: the functions that hookd runs. */\n";

const BEGIN: &str = "\nSECTIONS\n{\n  .text.run :\n  {\n";
const END: &str = "  }\n}\nINSERT BEFORE .text;\n";

/// Of how many different pushes the load is made.
const PUSHES: usize = 200;

/// On so many connections: as many as in a benchmark, so that batches are as large.
const CONNECTIONS: u32 = 32;

/// How long they are sent, in seconds; hookd is some fifty times slower than usual.
const SECONDS: u64 = 20;

const SINK: &str = "[[sinks]]\nname = \"lines\"\ntype = \"file\"\npath = \"changes.jsonl\"\n";

/// What a person and a monitoring system look at.
const PAGES: &[&str] =
    &["/", "/sinks", "/deliveries/1", "/changes/1", "/metrics", "/readyz", "/api/v2/changes?limit=20"];

/// Lists for the linker which functions hookd runs, so that they lie together in the binary and the rest need not be
/// resident.
///
/// Runs the release build in valgrind, twice: a start, pushes and a stop, then also a sink and a look at the pages. Writes `hookd/layout.ld`,
/// which belongs into the repository. It need not be complete: what it lacks lies elsewhere, and works as well.
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask layout")]
pub(crate) struct LayoutOptions {}

pub(crate) fn layout(_: &LayoutOptions) -> Result<(), String> {
    peers::install_named("debian")?;
    if !tools::succeeds("valgrind", &["--version"]) {
        return Err("it needs valgrind: `apt-get install valgrind`".to_owned());
    }
    let folder = fresh(&tools::target().join("layout"))?;
    // Not in the folder, since cargo links only what has changed.
    let map = folder.with_extension("map");
    tools::run(tools::cargo().args(["build", "--release", "--package", "hookd-bench", "--bin", "bench-requests"]))?;
    let build = ["rustc", "--release", "--package", "hookd", "--bin", "hookd", "--"];
    tools::run(tools::cargo().args(build).arg(format!("-Clink-arg=-Wl,-Map={}", map.display())))?;
    let map = fs::read_to_string(&map).map_err(|error| format!("{}: {error}", map.display()))?;
    let sections = sections(&map);
    let sections = |executed: &BTreeSet<String>| -> BTreeSet<&str> {
        executed.iter().filter_map(|name| sections.get(name.as_str()).copied()).collect()
    };
    let receiving = sections(&executed(&folder, "", &[])?);
    let more = &sections(&executed(&folder, SINK, PAGES)?) - &receiving;
    if receiving.is_empty() {
        return Err("none of the functions that ran has a section in the map of the linker".to_owned());
    }
    let list = |sections: &BTreeSet<&str>, pattern: fn(&str) -> String| {
        let patterns: BTreeSet<String> = sections.iter().map(|section| pattern(section)).collect();
        let lines: String = patterns.iter().map(|pattern| format!("      {pattern}\n")).collect();
        format!("    *(\n{lines}    )\n")
    };
    let lists: String =
        [this_copy, all_copies].map(|pattern| list(&receiving, pattern) + &list(&more, pattern)).concat();
    let script = [HEADER, BEGIN, &lists, END].concat();
    fs::write(tools::root().join(LAYOUT), script).map_err(|error| format!("{LAYOUT}: {error}"))?;
    println!("{LAYOUT}: {} functions for starting and receiving, {} for sinks and pages", receiving.len(), more.len());
    Ok(())
}

/// The functions that run while hookd starts with these sinks, receives, shows these pages, and stops.
fn executed(folder: &Path, sinks: &str, pages: &[&str]) -> Result<BTreeSet<String>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let (wrapper, profile) = (folder.join("hookd"), folder.join("callgrind.out"));
    let script = format!(
        "#!/bin/sh\nexec valgrind --tool=callgrind --demangle=no --callgrind-out-file='{}' '{}' \"$@\"\n",
        profile.display(),
        binary("hookd").display()
    );
    fs::write(&wrapper, script).map_err(failed)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    let load = Load::make(folder, PUSHES, CONNECTIONS)?;
    let server = start_hookd_as(&wrapper, HOOKD, &fresh(&folder.join("store"))?, Path::new("hookd.db"), sinks)?;
    http::check(&server, &load.first()?)?;
    load.send(&server, SECONDS)?;
    if let Some(admin) = server.admin {
        pages.iter().try_for_each(|page| http::get(admin, page).map(drop))?;
    }
    server.stop()?;
    Ok(functions(&fs::read_to_string(&profile).map_err(failed)?))
}

/// The sections of functions in the map of a linker, by the name of the function: `.text.NAME`, or `.text.unlikely.NAME`
/// where it is cold.
fn sections(map: &str) -> HashMap<&str, &str> {
    let words = map.split(|c: char| c.is_whitespace() || "()".contains(c));
    let name = |section: &'_ str| -> Option<usize> {
        let rest = section.strip_prefix(".text.")?;
        let kind =
            ["unlikely.", "startup.", "hot."].into_iter().find(|kind| rest.starts_with(kind)).unwrap_or_default();
        Some(section.len() - rest.len() + kind.len())
    };
    words.filter_map(|section| Some((&section[name(section)?..], section))).collect()
}

/// The functions of a profile that have costs. It has each name once, beside a number, and the number from then on.
fn functions(profile: &str) -> BTreeSet<String> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut executed = BTreeSet::new();
    for line in profile.lines() {
        let Some((kind, rest)) = line.split_once("fn=(") else { continue };
        let Some((number, name)) = rest.split_once(')') else { continue };
        let name = match name.trim() {
            "" => names.get(number).copied().unwrap_or_default(),
            // One that calls itself has a name for each depth.
            name => names.entry(number).or_insert(name.split('\'').next().unwrap_or(name)),
        };
        if kind.is_empty() {
            executed.insert(name.to_owned());
        }
    }
    executed
}

/// The pattern for the section of this function: without what link-time optimization adds to its name, another number each
/// time.
fn this_copy(section: &str) -> String {
    match section.split_once(".llvm.") {
        Some((name, _)) => format!("{name}*"),
        None => section.to_owned(),
    }
}

/// The pattern for the sections of all copies of this function: without the hash at the end that Rust adds.
fn all_copies(section: &str) -> String {
    match hash(section) {
        Some(hash) => format!("{}*", &section[..hash]),
        None => this_copy(section),
    }
}

/// Where the hash begins that ends the name of a Rust function.
fn hash(section: &str) -> Option<usize> {
    const MARK: &str = "17h";
    section.rfind(MARK).filter(|_| section.contains("._ZN")).map(|place| place + MARK.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_with_costs() {
        let profile = "fn=(1) main\n1 5\ncfn=(2) _ZN1a1b17h0123456789abcdefE\ncalls=1 0\n1 2\nfn=(2)\n1 2\n\
                       cfn=(3) never_entered\nfn=(4) again'2\n1 1\n";
        let names: Vec<String> = functions(profile).into_iter().collect();
        assert_eq!(names, ["_ZN1a1b17h0123456789abcdefE", "again", "main"]);
    }

    #[test]
    fn a_function_has_a_pattern_with_its_hash_and_one_for_all_copies() {
        for (section, this, all) in [
            (".text._ZN1a1b17h0123456789abcdefE", ".text._ZN1a1b17h0123456789abcdefE", ".text._ZN1a1b17h*"),
            (
                ".text.unlikely._ZN1a1b17h0123456789abcdefE.llvm.17",
                ".text.unlikely._ZN1a1b17h0123456789abcdefE*",
                ".text.unlikely._ZN1a1b17h*",
            ),
            (".text._RNvCs1_1a1b.llvm.17", ".text._RNvCs1_1a1b*", ".text._RNvCs1_1a1b*"),
            (".text.ZSTD_count17h", ".text.ZSTD_count17h", ".text.ZSTD_count17h"),
        ] {
            assert_eq!((this_copy(section).as_str(), all_copies(section).as_str()), (this, all));
        }
    }

    #[test]
    fn sections_are_found_by_the_names_of_their_functions() {
        let map =
            "  3e1e00  3e1e00  52  16  /target/a.rcgu.o:(.text.unlikely._ZN1a1bE)\n .text.main\n  0x12 0x5 main.o\n";
        let sections = sections(map);
        assert_eq!(sections["_ZN1a1bE"], ".text.unlikely._ZN1a1bE");
        assert_eq!(sections["main"], ".text.main");
        assert_eq!(sections.len(), 2);
    }
}
