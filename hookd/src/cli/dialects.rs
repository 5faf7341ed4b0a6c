//! `hookd dialects`: the dialects in this build.

use std::io;

use clap::Args;
use hookd_config::reference::OptionDoc;
use hookd_core::{Dialect, registry};
use serde::Serialize;

use super::{Exit, Output};

/// Arguments of `hookd dialects`.
#[derive(Debug, Args)]
pub(super) struct DialectsArgs {
    /// Print JSON: a list of objects with `name`, `summary`, `setup` and `options`.
    #[arg(long)]
    json: bool,

    /// Show only this dialect.
    name: Option<String>,
}

/// A dialect and its options, as printed.
#[derive(Serialize)]
struct DialectEntry {
    name: &'static str,
    summary: &'static str,
    setup: Option<SetupEntry>,
    options: Vec<OptionDoc>,
}

/// The form of the forge in which a webhook is set up, filled in, as printed.
#[derive(Serialize)]
struct SetupEntry {
    place: &'static str,
    fields: Vec<FieldEntry>,
    notes: &'static [&'static str],
}

/// A field of that form.
#[derive(Serialize)]
struct FieldEntry {
    name: &'static str,
    text: String,
}

pub(super) fn run(args: &DialectsArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let classes = match &args.name {
        None => registry::all::<Dialect>(),
        Some(name) => match registry::find::<Dialect>(name) {
            Ok(class) => vec![class],
            Err(message) => {
                writeln!(output.err, "error: {message}")?;
                return Ok(Exit::Usage);
            }
        },
    };
    let every = OptionDoc::for_every_dialect();
    let mut dialects: Vec<DialectEntry> = classes.into_iter().map(entry).collect();
    if args.json {
        for dialect in &mut dialects {
            dialect.options.extend(every.iter().cloned());
            dialect.options.sort_by(|a, b| a.name.cmp(&b.name));
        }
        serde_json::to_writer_pretty(&mut *output.out, &dialects)?;
        writeln!(output.out)?;
        return Ok(Exit::Ok);
    }
    for dialect in &dialects {
        writeln!(output.out, "{}: {}", dialect.name, dialect.summary)?;
        if let Some(setup) = &dialect.setup {
            print_setup(setup, output)?;
        }
        print(&dialect.options, output)?;
    }
    writeln!(output.out, "Every dialect also takes:")?;
    print(&every, output)?;
    Ok(Exit::Ok)
}

fn entry(class: &Dialect) -> DialectEntry {
    let setup = class.setup.map(|setup| SetupEntry {
        place: setup.place,
        fields: setup.fields(class.name).into_iter().map(|(name, text)| FieldEntry { name, text }).collect(),
        notes: setup.notes,
    });
    DialectEntry { name: class.name, summary: class.summary, setup, options: OptionDoc::for_class(class) }
}

fn print_setup(setup: &SetupEntry, output: &mut Output<'_>) -> io::Result<()> {
    let fields = setup.fields.iter().map(|field| format!("- {}: {}", field.name, field.text));
    let paragraphs =
        [setup.place.to_owned()].into_iter().chain(fields).chain(setup.notes.iter().map(ToString::to_string));
    for paragraph in paragraphs {
        for (index, line) in lines(&paragraph).iter().enumerate() {
            let indent = if index > 0 && paragraph.starts_with("- ") { "    " } else { "  " };
            writeln!(output.out, "{indent}{line}")?;
        }
    }
    writeln!(output.out)
}

fn print(options: &[OptionDoc], output: &mut Output<'_>) -> io::Result<()> {
    for option in options {
        writeln!(output.out, "  {} ({})", option.name, option.signature())?;
        for paragraph in option.description.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            for line in lines(paragraph) {
                writeln!(output.out, "      {line}")?;
            }
        }
    }
    writeln!(output.out)
}

/// Wraps a paragraph for a terminal.
fn lines(paragraph: &str) -> Vec<String> {
    const WIDTH: usize = 94;
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cli::Exit;
    use crate::cli::tests::hookd;

    #[test]
    fn lists_each_dialect_with_its_options() {
        let (exit, out, _) = hookd(&["dialects"]);
        assert_eq!(exit, Exit::Ok);
        assert!(out.starts_with("base: A change given by its fields"), "{out}");
        assert!(out.contains("\n\nEvery dialect also takes:\n  allow_from (list of (address or network))"), "{out}");

        let (_, out, _) = hookd(&["dialects", "github"]);
        assert!(out.starts_with("github: "), "{out}");
        assert!(out.contains("\n  secret (secret or list of secrets)\n      "), "{out}");
        let setup = "  In the settings of a repository or an organisation, add a webhook.\n\
            \x20 - Payload URL: `https://HOST/change_hook/github`. Append `?project=NAME` or `?codebase=NAME`\n\
            \x20   to set those.\n";
        assert!(out.contains(setup), "{out}");
    }

    #[test]
    fn prints_json_for_programs() {
        let (exit, out, _) = hookd(&["dialects", "--json", "base"]);
        assert_eq!(exit, Exit::Ok);
        let dialects: Value = serde_json::from_str(&out).unwrap();
        let option = &dialects[0]["options"][5];
        assert_eq!((&dialects[0]["name"], &option["name"]), (&json!("base"), &json!("deduplicate")));
        assert_eq!((&option["type"], &option["default"]), (&json!("boolean"), &json!(true)));
        assert!(option["description"].as_str().unwrap().starts_with("Whether a redelivery"));
        assert_eq!(dialects[0]["setup"], Value::Null);
        let (_, out, _) = hookd(&["dialects", "--json", "gitorious"]);
        let dialects: Value = serde_json::from_str(&out).unwrap();
        let text = dialects[0]["setup"]["fields"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("`https://USER:PASSWORD@HOST/change_hook/gitorious`"), "{text}");
    }

    #[test]
    fn lists_the_known_dialects_for_an_unknown_one() {
        let (exit, out, err) = hookd(&["dialects", "none"]);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
        // A crate that no code refers to would be missing here.
        let known = "`base`, `bitbucket`, `bitbucketcloud`, `bitbucketserver`, `github`, `gitlab`, `gitorious`, `json`, `poller`";
        assert_eq!(err, format!("error: this build has no dialect `none`, only {known}\n"));
    }
}
