//! Polls that are abandoned at each of their commands, as by a kill of hookd, and repeated.

use std::fs;
use std::path::Path;

use hookd_core::Change;
use serde_json::Value;

use crate::polling::Polling;
use crate::tools::{script, text, until, with};

/// Polls from these positions until nothing is left, but abandons the poll before its first command, then after that, after
/// its second, and so on. Returns what was reported, and how many polls were abandoned.
pub(crate) async fn poll_with_interruptions(
    before: &Polling,
    kind: &str,
    options: &Value,
    program: &str,
    folder: &Path,
) -> (Vec<Change>, usize) {
    let (count, at) = (folder.join("count"), folder.join("at"));
    // It runs the real program, but stops after the call that `at` names; 0: before the first.
    let wrapper = script(
        &folder.join("wrapper"),
        &format!(
            "echo >> {count}\nn=$(wc -l < {count})\nread call < {at}\n\
             stop() {{ : > {at}.reached; while :; do sleep 1000; done; }}\n\
             if [ $call = 0 ]; then stop; fi\n\
             {program} \"$@\"\ncode=$?\n\
             if [ $n = $call ]; then stop; fi\nexit $code",
            count = count.display(),
            at = at.display(),
        ),
    );
    let option = format!("{program}bin");
    let mut polling = before.reconfigured(kind, &with(options, &option, text(&wrapper)), &folder.join("work"));
    let (mut changes, mut abandoned) = (Vec::new(), 0);
    for call in 0.. {
        let reached = folder.join("at.reached");
        let _ = fs::remove_file(&reached);
        fs::write(&count, "").unwrap();
        fs::write(&at, format!("{call}\n")).unwrap();
        let this = polling.clone();
        let task = tokio::spawn(async move { this.look().await });
        let is_stopped = until("the poll has ended or stopped", || {
            if reached.exists() { Some(true) } else { task.is_finished().then_some(false) }
        });
        if is_stopped.await {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            abandoned += 1;
            continue;
        }
        // It has fewer commands: this poll counts, and all that it has left out.
        let polled = task.await.unwrap().unwrap();
        let has_more = polled.has_more;
        changes.extend(polling.take(polled));
        if !has_more {
            return (changes, abandoned);
        }
    }
    unreachable!("there is a last command");
}
