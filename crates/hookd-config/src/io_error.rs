//! Why a file could not be read, in the words of messages.

use std::io;
use std::path::Path;

/// The longest path that a message shows, in bytes.
const MAX_SHOWN_BYTES: usize = 512;

/// The reason in lower case and without the number of the error.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// A path as messages show it; but not what is no path, such as the key itself where its file is meant.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if text.len() > MAX_SHOWN_BYTES || text.contains(char::is_control) || text.contains("-----BEGIN") {
        "the file (which is no path of one)".to_owned()
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_paths_and_nothing_else() {
        assert_eq!(shown(Path::new("/etc/hookd/a b.key")), "`/etc/hookd/a b.key`");
        for no_path in ["-----BEGIN PRIVATE KEY-----", "hunter2\n", &"x".repeat(1000)] {
            assert_eq!(shown(Path::new(no_path)), "the file (which is no path of one)");
        }
    }
}
