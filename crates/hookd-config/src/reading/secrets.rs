//! Secrets from the environment and from files.

use std::cell::RefCell;
use std::path::Path;

use hookd_core::{Secret, SecretSource};
use sha2::{Digest as _, Sha256};

use crate::io_error::{reason, shown};

/// The secrets of the shipped `hookd.toml` and of the manual.
const EXAMPLES: [&[u8]; 2] = [b"change-me", b"old-secret"];

/// Reads secrets; relative paths start in `folder`, that of the configuration.
pub(crate) struct Secrets<'f> {
    folder: &'f Path,
    warnings: RefCell<Vec<String>>,
    /// Of all that was read, so that it can be seen whether it has changed.
    digest: RefCell<Sha256>,
    /// All that was read.
    values: RefCell<Vec<Vec<u8>>>,
}

impl<'f> Secrets<'f> {
    pub(crate) fn new(folder: &'f Path) -> Self {
        Self { folder, warnings: RefCell::default(), digest: RefCell::default(), values: RefCell::default() }
    }

    /// A digest of all secrets that were read so far, in this order. It is no secret as long as it stays in memory.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest.borrow().clone().finalize().into()
    }

    /// All secrets that were read so far.
    pub(crate) fn values(&self) -> Vec<Vec<u8>> {
        self.values.borrow().clone()
    }

    /// What looks like a mistake in the secrets that were read. No message shows one.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }
}

impl SecretSource for Secrets<'_> {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        let (bytes, name) = match secret {
            Secret::Text(text) => (text.clone().into_bytes(), "a secret".to_owned()),
            Secret::Env(name) => {
                (without_last_newline(variable(name)?), format!("the secret in the environment variable `{name}`"))
            }
            Secret::File(path) => {
                let path = self.folder.join(path);
                let bytes = std::fs::read(&path)
                    .map_err(|error| format!("the file {} cannot be read: {}", shown(&path), reason(&error)))?;
                (without_last_newline(bytes), format!("the secret in the file {}", shown(&path)))
            }
        };
        {
            let mut digest = self.digest.borrow_mut();
            digest.update(bytes.len().to_le_bytes());
            digest.update(&bytes);
        }
        self.values.borrow_mut().push(bytes.clone());
        if EXAMPLES.contains(&bytes.as_slice()) {
            let warning = format!("{name} is that of an example, which anybody knows: choose one of your own");
            self.warnings.borrow_mut().push(warning);
        }
        if let Some(oddity) = oddity(&bytes) {
            let consequence = "it is part of the secret, so unless the forge has it as well, nothing will ever match";
            self.warnings.borrow_mut().push(format!("{name} {oddity}: {consequence}"));
        }
        Ok(bytes)
    }
}

fn variable(name: &str) -> Result<Vec<u8>, String> {
    // `var_os` would panic.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("what `env` gives is not a valid name of an environment variable".to_owned());
    }
    match std::env::var_os(name) {
        Some(value) => Ok(value.into_encoded_bytes()),
        None if is_conventional(name) => Err(format!("the environment variable `{name}` is not set")),
        // Perhaps it is the secret itself.
        None => Err("the environment variable that `env` names is not set".to_owned()),
    }
}

/// Whether a name is one that people give to variables: upper case, digits and `_`.
fn is_conventional(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A newline at the end is what `echo` and editors add. No form of a forge can hold one.
fn without_last_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    }
    bytes
}

/// What a secret has that is hardly meant.
fn oddity(secret: &[u8]) -> Option<&'static str> {
    if secret.starts_with(b"\xef\xbb\xbf") {
        Some("begins with a byte order mark")
    } else if secret.ends_with(b"\n") {
        Some("still ends with a newline")
    } else if secret.trim_ascii() != secret {
        Some("begins or ends with blanks")
    } else {
        None
    }
}

/// Removes what the configuration contains from serde's message about a secret, be it a value or the key of a table:
/// `` invalid type: string "x", expected … ``, `` unknown field `x`, expected … ``.
pub(crate) fn without_value(message: &str) -> String {
    const SHOWN: [&str; 5] =
        ["invalid type: ", "invalid value: ", "unknown field ", "unknown variant ", "duplicate field "];
    let shows_a_value = SHOWN.iter().any(|start| message.starts_with(start));
    let expected = message.rfind(", expected ").or_else(|| message.rfind(", there are no "));
    match expected.map(|at| message.split_at(at)).filter(|_| shows_a_value) {
        Some((value, expected)) => format!("{}{expected}", before_quote(value)),
        None if shows_a_value => before_quote(message).to_owned(),
        None => message.to_owned(),
    }
}

fn before_quote(message: &str) -> &str {
    message.split(['`', '"']).next().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, secret: Secret) -> Result<Vec<u8>, String> {
        Secrets::new(folder).read(&secret)
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
            ("invalid type: integer `271828`", "invalid type: integer"),
            ("unknown field `a, expected b`, expected `key`", "unknown field, expected `key`"),
            ("unknown field `hunter2`, there are no fields", "unknown field, there are no fields"),
            ("unknown variant `hunter2`, expected `one` or `two`", "unknown variant, expected `one` or `two`"),
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
            "what `env` gives is not a valid name of an environment variable"
        );
        // Perhaps the secret itself.
        for not_set in ["hunter2", "HUNTER.2", "2HUNTER"] {
            let error = read(folder, Secret::Env(not_set.into())).unwrap_err();
            assert_eq!(error, "the environment variable that `env` names is not set");
        }
        assert_eq!(read(folder, Secret::Env("CARGO_PKG_NAME".into())).unwrap(), b"hookd-config");
    }

    #[test]
    fn warns_of_what_is_hardly_meant_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (written, oddity) in [
            ("hunter2", None),
            ("hunter2\r\n", None),
            ("hun ter2", None),
            ("\u{feff}hunter2", Some("begins with a byte order mark")),
            ("hunter2\n\n", Some("still ends with a newline")),
            (" hunter2", Some("begins or ends with blanks")),
            ("hunter2\t\n", Some("begins or ends with blanks")),
        ] {
            std::fs::write(&path, written).unwrap();
            let secrets = Secrets::new(folder.path());
            secrets.read(&Secret::File("secret".into())).unwrap();
            let expected = oddity.map(|oddity| {
                format!(
                    "the secret in the file `{}` {oddity}: it is part of the secret, so unless the forge has it as \
                     well, nothing will ever match",
                    path.display()
                )
            });
            assert_eq!(secrets.into_warnings(), Vec::from_iter(expected), "{written:?}");
        }
        let secrets = Secrets::new(folder.path());
        for example in ["change-me", "old-secret"] {
            secrets.read(&Secret::Text(example.into())).unwrap();
        }
        let warnings = secrets.into_warnings();
        assert_eq!(warnings.len(), 2);
        assert!(
            warnings.iter().all(|warning| warning.starts_with("a secret is that of an example, which anybody knows"))
        );
        let secrets = Secrets::new(folder.path());
        secrets.read(&Secret::Text("hunter2\n".into())).unwrap();
        assert!(secrets.into_warnings()[0].starts_with("a secret still ends with a newline: "));
    }
}
