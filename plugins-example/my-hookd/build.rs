//! Lays out the binary as that of hookd: what runs lies together, so that less of it is in memory.

fn main() {
    if let Ok(argument) = std::env::var("DEP_HOOKD_LINK_ARG") {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
