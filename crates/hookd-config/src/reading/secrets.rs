//! Secrets from the environment and from files.

use std::path::Path;

use hookd_core::{Secret, SecretSource};

use crate::io_error::reason;

/// Reads secrets; relative paths start in `folder`, that of the configuration.
pub(crate) struct Secrets<'f> {
    pub(crate) folder: &'f Path,
}

impl SecretSource for Secrets<'_> {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) => Ok(text.clone().into_bytes()),
            Secret::Env(name) => variable(name),
            Secret::File(path) => {
                let path = self.folder.join(path);
                let bytes = std::fs::read(&path)
                    .map_err(|error| format!("the file `{}` cannot be read: {}", path.display(), reason(&error)))?;
                Ok(without_last_newline(bytes))
            }
        }
    }
}

fn variable(name: &str) -> Result<Vec<u8>, String> {
    // `var_os` would panic.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("`{}` is not a valid name of an environment variable", name.escape_debug()));
    }
    match std::env::var_os(name) {
        Some(value) => Ok(value.into_encoded_bytes()),
        None => Err(format!("the environment variable `{name}` is not set")),
    }
}

fn without_last_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    }
    bytes
}

/// Removes the value from serde's message about a secret: `` invalid type: string "x", expected … ``.
pub(crate) fn without_value(message: &str) -> String {
    let shows_a_value = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match message.rsplit_once(", expected ").filter(|_| shows_a_value) {
        Some((value, expected)) => {
            let kind = value.split(['`', '"']).next().unwrap_or_default().trim_end();
            format!("{kind}, expected {expected}")
        }
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, secret: Secret) -> Result<Vec<u8>, String> {
        Secrets { folder }.read(&secret)
    }

    #[test]
    fn strips_one_newline_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for (written, secret) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a \r", " a \r"), ("\n", "")]
        {
            std::fs::write(folder.path().join("secret"), written).unwrap();
            assert_eq!(read(folder.path(), Secret::File("secret".into())).unwrap(), secret.as_bytes());
        }
    }

    #[test]
    fn removes_values_from_messages() {
        for (message, without) in [
            ("invalid type: integer `271828`, expected a string", "invalid type: integer, expected a string"),
            ("invalid type: string \"a, expected b\", expected a table", "invalid type: string, expected a table"),
            ("invalid type: null, expected a string", "invalid type: null, expected a string"),
            ("the secret is empty", "the secret is empty"),
        ] {
            assert_eq!(without_value(message), without);
        }
    }

    #[test]
    fn says_which_file_or_variable_is_missing() {
        let folder = Path::new("/nowhere");
        assert_eq!(
            read(folder, Secret::File("x".into())).unwrap_err(),
            "the file `/nowhere/x` cannot be read: it does not exist"
        );
        assert_eq!(read(folder, Secret::File("/".into())).unwrap_err(), "the file `/` cannot be read: it is a folder");
        assert_eq!(
            read(folder, Secret::Env("HOOKD_NOT_SET".into())).unwrap_err(),
            "the environment variable `HOOKD_NOT_SET` is not set"
        );
        assert_eq!(
            read(folder, Secret::Env("A=B".into())).unwrap_err(),
            "`A=B` is not a valid name of an environment variable"
        );
        assert_eq!(read(folder, Secret::Env("CARGO_PKG_NAME".into())).unwrap(), b"hookd-config");
    }
}
