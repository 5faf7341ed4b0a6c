//! The files of a new workspace, and how to go on with it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::name::Name;
use super::source::Source;

/// The files: where they go, and what they have. `{{NAME}}` and the like are filled in.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    (".cargo/config.toml", include_str!("template/config.toml.in")),
    (".gitignore", include_str!("template/gitignore.in")),
    ("README.md", include_str!("template/README.md.in")),
    ("hookd.toml", include_str!("template/hookd.toml.in")),
    ("{{package}}/Cargo.toml", include_str!("template/dialect/Cargo.toml.in")),
    ("{{package}}/src/lib.rs", include_str!("template/dialect/lib.rs.in")),
    ("{{package}}/tests/{{name}}.rs", include_str!("template/dialect/tests.rs.in")),
    ("{{package}}/tests/push.json", include_str!("template/dialect/push.json.in")),
    ("my-hookd/Cargo.toml", include_str!("template/binary/Cargo.toml.in")),
    ("my-hookd/build.rs", include_str!("template/binary/build.rs.in")),
    ("my-hookd/src/main.rs", include_str!("template/binary/main.rs.in")),
];

const NEXT_STEPS: &str = include_str!("template/next-steps.in");

/// Writes the workspace of a dialect into this folder, which must not exist.
///
/// # Errors
/// When it exists, or cannot be written.
pub(super) fn write(folder: &Path, name: &Name, source: &Source) -> Result<(), String> {
    let shown = folder.display();
    fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            format!("`{shown}` exists already: choose another name, or run this in another folder")
        }
        _ => format!("the folder `{shown}` cannot be made: {error}"),
    })?;
    for (path, text) in FILES {
        let path = folder.join(filled(path, name));
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            let mut text = filled(text, name);
            for package in ["hookd", "hookd-core", "hookd-testkit"] {
                text = text.replace(&format!("{{{{{package}}}}}"), &source.dependency(package));
            }
            fs::write(&path, text)
        });
        written.map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
    }
    Ok(())
}

/// What to do with the workspace.
pub(super) fn next_steps(name: &Name) -> String {
    filled(NEXT_STEPS, name)
}

fn filled(text: &str, name: &Name) -> String {
    text.replace("{{name}}", name.dialect())
        .replace("{{package}}", &name.package())
        .replace("{{library}}", &name.library())
        .replace("{{header}}", &name.header())
}
