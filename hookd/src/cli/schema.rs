//! `hookd schema`: the JSON Schema of `hookd.toml`.

use std::io;

use hookd_config::reference;

use super::{Exit, Output};

pub(super) fn run(output: &mut Output<'_>) -> io::Result<Exit> {
    serde_json::to_writer_pretty(&mut *output.out, &reference::json_schema())?;
    writeln!(output.out)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::cli::Exit;
    use crate::cli::tests::hookd;

    /// Every section, and dialects with options of their own.
    const EXAMPLE: &str = r#"
        change_hook_auth = ["file:changehook.passwd"]
        [server]
        listen = "127.0.0.1:8010"
        max_body = "25MiB"
        [admin]
        listen = "127.0.0.1:8011"
        [store]
        url = "sqlite:hookd.db"
        keep_payloads = "14d"
        keep_changes = "forever"
        [change_hook_dialects]
        base = true
        github = { secret = { env = "GITHUB_SECRET" }, strict = true, github_property_whitelist = ["github.base.*"] }
        acme = { custom_class = "base" }
    "#;

    #[test]
    fn prints_the_schema() {
        let (exit, out, err) = hookd(&["schema"]);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }

    #[test]
    fn accepts_a_whole_configuration_with_the_dialects_of_this_build() {
        let validator = jsonschema::draft202012::new(&hookd_config::reference::json_schema()).unwrap();
        let errors = |toml: &str| {
            let value = serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap();
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>()
        };
        assert_eq!(errors(EXAMPLE), [""; 0]);
        assert_ne!(errors(&EXAMPLE.replace("strict", "strct")), [""; 0]);
    }
}
