//! Puts the commit into `hookd --version`: that of the environment variable `HOOKD_COMMIT`, for builds of an archive, or else
//! that of the repository. Without both the version stands alone.
//!
//! And hands `layout.ld` to the linker, where that is lld, which Rust brings along for this target: what hookd runs then lies
//! together in the binary, so that the rest of it need not be resident. Other linkers take minutes for such a list, or none.
//! From glibc 2.36 on, the addresses to relocate are packed: a megabyte that every start would read becomes a few kilobytes.
//! The build script of another binary that is made of this library gets the argument as `DEP_HOOKD_LINK_ARG`.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=HOOKD_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    let version = match env::var("HOOKD_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(commit) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=HOOKD_VERSION={version}");
    println!("cargo::rerun-if-changed=layout.ld");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release && links_with_lld() {
        let layout = Path::new(env!("CARGO_MANIFEST_DIR")).join("layout.ld");
        let packed = if loader_takes_packed_relocations() { ",-z,pack-relative-relocs" } else { "" };
        let argument = format!("-Wl,-T,{}{packed}", layout.display());
        println!("cargo::rustc-link-arg-bins={argument}");
        println!("cargo::metadata=LINK_ARG={argument}");
    }
}

/// Whether the linker is Rust's own lld: this toolchain has it, the target uses it, and nobody has chosen another one.
fn links_with_lld() -> bool {
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_chosen = ["linker", "fuse-ld", "link-self-contained"].iter().any(|word| flags.contains(word));
    if target != "x86_64-unknown-linux-gnu" || env::var_os("RUSTC_LINKER").is_some() || is_chosen {
        return false;
    }
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output().map(|output| output.stdout);
    let sysroot = String::from_utf8(sysroot.unwrap_or_default()).unwrap_or_default();
    Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("bin/gcc-ld/ld.lld").exists()
}

/// Whether the glibc of this machine is 2.36 or later. An older one says that it lacks `GLIBC_ABI_DT_RELR`, and starts nothing.
fn loader_takes_packed_relocations() -> bool {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().map(|output| output.stdout);
    let version = String::from_utf8(output.unwrap_or_default()).unwrap_or_default();
    let number = version.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let number = number.map(|(major, minor)| (major.parse::<u32>(), minor.parse::<u32>()));
    matches!(number, Some((Ok(major), Ok(minor))) if (major, minor) >= (2, 36))
}

/// The commit of the repository that this is in, if it is that of hookd and not one around it.
fn commit() -> Option<String> {
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let is_ours =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.canonicalize().ok()? == Path::new(&root).canonicalize().ok()?;
    if !is_ours {
        return None;
    }
    // It is appended to whenever the commit becomes another one.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=10", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}
