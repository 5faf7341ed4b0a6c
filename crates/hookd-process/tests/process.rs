//! Real commands. What the sink `exec` relies on besides is tested there.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hookd_process::{END_BYTES, Ended, Finished, Outputs, Process};

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Process {
    Process {
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        folder: None,
        environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        input: Vec::new(),
        output: Outputs::Separate { most: 1 << 20 },
        timeout: LONG,
        silence: None,
    }
}

async fn run(script: &str) -> Finished {
    shell(script).run().await
}

/// Whether a process runs, by the number in a file.
fn runs(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A zombie has ended.
    !status.is_empty() && !status.contains(") Z ")
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn outputs_are_kept_apart() {
    let finished = run("printf 'a\\0b\\377'; echo oops >&2; exit 3").await;
    assert!(matches!(finished.ended, Ended::Exited(3)), "{finished:?}");
    assert_eq!((finished.stdout.as_slice(), finished.stderr.as_str()), (&b"a\0b\xff"[..], "oops\n"));
}

#[tokio::test]
async fn merged_outputs_stay_in_order() {
    let script = "echo 1; echo 2 >&2; echo 3; kill -9 $$";
    let finished = Process { output: Outputs::Merged, ..shell(script) }.run().await;
    assert!(matches!(finished.ended, Ended::Killed(9)), "{finished:?}");
    assert_eq!((finished.stdout.len(), finished.stderr.as_str()), (0, "1\n2\n3\n"));
}

#[tokio::test]
async fn a_command_gets_its_folder_its_environment_and_its_input_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(folder.path()).unwrap();
    let finished = Process {
        folder: Some(path.clone()),
        environment: vec![("A".into(), "b c".into()), ("PATH".into(), std::env::var_os("PATH").unwrap())],
        input: b"input".to_vec(),
        ..shell("pwd -P; cat; echo; env")
    };
    let finished = finished.run().await;
    let text = String::from_utf8(finished.stdout).unwrap();
    assert!(text.starts_with(&format!("{}\ninput\n", path.display())), "{text}");
    assert!(text.contains("\nA=b c\n") && !text.contains("CARGO"), "{text}");
    // Nor can it wait for a terminal.
    let finished = run("cat; if (: < /dev/tty) 2>/dev/null; then tty; fi; echo end").await;
    assert!(finished.stdout.ends_with(b"end\n"), "{finished:?}");
}

#[tokio::test]
async fn nothing_of_a_large_output_is_lost() {
    for bytes in [65_535, 65_536, 65_537, 1 << 20] {
        let finished = run(&format!("head -c {bytes} /dev/zero")).await;
        assert!(matches!(finished.ended, Ended::Exited(0)), "{:?}", finished.ended);
        assert_eq!(finished.stdout.len(), bytes);
    }
}

#[tokio::test]
async fn more_than_the_bound_is_too_much() {
    // Whether it still writes, or has ended.
    for script in ["cat /dev/zero", "head -c 1048577 /dev/zero"] {
        let finished = run(script).await;
        assert!(matches!(finished.ended, Ended::TooMuch), "{script}: {:?}", finished.ended);
        assert_eq!(finished.stdout.len(), 1 << 20);
    }
}

#[tokio::test]
async fn standard_error_is_kept_to_its_end() {
    let finished = run("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo the end >&2").await;
    assert!(finished.stderr.len() <= END_BYTES && finished.stderr.ends_with("xthe end\n"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let child = folder.path().join("child");
    let script =
        format!("trap '' TERM; sleep 1000 & echo $! > {}; while :; do echo x; sleep 0.01; done", child.display());
    let timeout = Duration::from_secs(1);
    let finished = Process { timeout, silence: Some(LONG), ..shell(&script) }.run().await;
    assert!(matches!(finished.ended, Ended::TimedOut), "{finished:?}");
    until("the child of the command has ended", || !runs(&child)).await;
}

#[tokio::test]
async fn a_command_that_says_nothing_is_killed_and_one_that_does_is_not() {
    let silence = Some(Duration::from_secs(1));
    let finished = Process { silence, ..shell("echo begun >&2; sleep 1000") }.run().await;
    assert!(matches!(finished.ended, Ended::Silent), "{finished:?}");
    assert_eq!(finished.stderr, "begun\n");
    // Longer than the limit in all, on either output.
    let script = "for n in 1 2 3 4 5 6 7 8 9 10; do echo $n >&2; sleep 0.1; echo $n; sleep 0.1; done";
    let finished = Process { silence, ..shell(script) }.run().await;
    assert!(matches!(finished.ended, Ended::Exited(0)), "{finished:?}");
}

#[tokio::test]
async fn a_command_whose_future_is_dropped_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let child = folder.path().join("child");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", child.display());
    let task = tokio::spawn(shell(&script).run());
    until("the command has started", || child.exists()).await;
    assert!(runs(&child));
    task.abort();
    until("the child of the command has ended", || !runs(&child)).await;
}

#[tokio::test]
async fn a_program_that_there_is_not_is_an_error() {
    let finished = Process { program: "no-such-program".into(), ..shell("") }.run().await;
    let Ended::NotStarted(error) = finished.ended else { panic!("{finished:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
