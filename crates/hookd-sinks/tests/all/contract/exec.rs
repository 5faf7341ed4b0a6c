//! `exec`: a script.

use std::fs;

use hookd_sinks::Sink;
use hookd_sinks::contract::{Behaviour, Peer};
use serde_json::json;
use tempfile::TempDir;

use crate::sinks::try_build_in;

/// Notes the changes that it takes; what it does is in a file.
const SCRIPT: &str = r#"
behaviour=$(cat behaviour)
case "$behaviour" in
    none) echo not now; exit 75;;
    misconfigured) echo not so; exit 78;;
    "refuse $HOOKD_ID") echo not that; exit 65;;
esac
echo "$HOOKD_ID" >> arrived
if test "$behaviour" = silent; then kill -9 $$; fi
"#;

struct Script(TempDir);

impl Script {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("script"), SCRIPT).unwrap();
        fs::write(folder.path().join("behaviour"), "take").unwrap();
        Self(folder)
    }
}

impl Peer for Script {
    fn sink(&self) -> Box<dyn Sink> {
        let folder = self.0.path();
        let command = format!("cd {} && . ./script", folder.display());
        try_build_in(folder, "exec", json!({"command": ["sh", "-c", command]})).unwrap()
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        let text = match behaviour {
            Behaviour::Take => "take".to_owned(),
            Behaviour::TakeNone => "none".to_owned(),
            Behaviour::Refuse(id) => format!("refuse {id}"),
            Behaviour::Misconfigured => "misconfigured".to_owned(),
            Behaviour::TakeSilently => "silent".to_owned(),
        };
        // At once: a script may be reading it.
        let (new, path) = (self.0.path().join("behaviour.new"), self.0.path().join("behaviour"));
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
        true
    }

    fn arrived(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("arrived")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

hookd_sinks::contract_tests!(Script::new());
