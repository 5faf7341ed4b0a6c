//! The page on PostgreSQL, with a real server: its commands make a role and a database that hookd takes, and its SQL makes
//! the index.

use std::io::Write as _;
use std::process::{Command, Stdio};

use hookd_tests::{Finished, Home, LISTENERS, Postgres};

use super::blocks::{self, Block};
use crate::push;

const PAGE: &str = "docs/postgresql.md";

/// The only block of the page in this language that has this text.
fn block(language: &str, text: &str) -> Block {
    let is_it = |block: &Block| block.page == PAGE && block.language == language && block.text.contains(text);
    let mut blocks: Vec<Block> = blocks::all().into_iter().filter(is_it).collect();
    assert_eq!(blocks.len(), 1, "{PAGE} has one block of {language} with {text}");
    blocks.remove(0)
}

/// Runs the command of hookd that is the block with this text, with these words replaced.
fn run(home: &Home, text: &str, replaced: &[(&str, &str)]) -> Finished {
    let command = block("sh", text).text;
    let words = command
        .split_whitespace()
        .map(|word| replaced.iter().fold(word.to_owned(), |word, (from, to)| word.replace(from, to)));
    let words: Vec<String> = words.collect();
    assert_eq!(words[0], "hookd");
    home.run(&words[1..].iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn the_commands_of_the_page_on_postgresql_move_a_store() {
    let server = Postgres::start();
    let url = server.url(&server.new_database());
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    let (_, home) = hookd.terminate();
    let there = [("/var/lib/hookd/hookd.db", "hookd.db"), ("postgresql://hookd@db.example.org/hookd", &*url)];
    let copied = run(&home, "hookd store copy", &there);
    assert_eq!((copied.code, copied.stderr.as_str()), (Some(0), ""));
    let listeners = LISTENERS.replace("sqlite:hookd.db", &url);
    home.write("hookd.toml", format!("{listeners}\n[change_hook_dialects]\ngithub = true\n"));
    let check = run(&home, "hookd store check --digest", &[]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    let digest = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(digest(&check.stdout), digest(&copied.stdout));
    assert_eq!(home.start().admin().changes().len(), 1);
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn the_commands_of_the_page_on_postgresql_make_what_hookd_needs() {
    let server = Postgres::start();
    // The role `hookd` is the test's own there.
    let commands = block("sh", "createuser").text.replace(" hookd", " manual");
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.env("PGHOST", server.host()).env("PGPORT", server.port().to_string()).env("PGUSER", "hookd");
    let mut shell = shell.spawn().expect("a shell runs");
    shell.stdin.take().expect("a pipe").write_all(b"s3cret\ns3cret\n").expect("the password is asked for");
    let output = shell.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let url = server.url("manual").replacen("//hookd@", "//manual@", 1);
    let listeners = LISTENERS.replace("sqlite:hookd.db", &url);
    let hookd = Home::with_config(&format!("{listeners}\n[change_hook_dialects]\ngithub = true\n")).start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    // An index cannot be made concurrently in a transaction, so each statement is one of its own.
    for statement in
        block("sql", "deliveries_words").text.split_inclusive(';').filter(|statement| !statement.trim().is_empty())
    {
        server.query("manual", statement);
    }
    let indexes = server.query("manual", "SELECT indexname FROM pg_indexes WHERE indexname = 'deliveries_words'");
    assert_eq!(indexes, "deliveries_words");
}
