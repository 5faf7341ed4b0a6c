//! `cargo xtask …`: the project's own tasks. One file for each subcommand.

mod api;
mod bench;
mod docs;
mod fuzz;
mod peers;
mod plugins;
mod test;
mod tools;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the hookd workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Api(api::Options),
    Bench(bench::Options),
    Docs(docs::Options),
    Fuzz(fuzz::Options),
    Layout(bench::LayoutOptions),
    Plugins(plugins::Options),
    Test(test::Options),
    Torture(torture::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Api(options) => api::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Docs(options) => docs::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Layout(options) => bench::layout(&options),
        Task::Plugins(options) => plugins::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Torture(options) => torture::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
