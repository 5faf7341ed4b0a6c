//! How webhooks are set up at the forges: the same text on the page of a dialect and in `hookd dialects NAME`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::pages::Page;

/// The most characters of a line in the manual.
const WIDTH: usize = 120;

/// The line after the generated part of a page.
const END: &str = "<!-- end -->";

/// Writes how a webhook is set up into the page of each dialect, or reports those pages that say something else.
pub(super) fn generate(pages: &mut [Page], root: &Path, hookd: &Path, is_check: bool) -> Result<Vec<String>, String> {
    let output = Command::new(hookd).args(["dialects", "--json"]).output();
    let output = output.map_err(|error| format!("`hookd dialects --json`: {error}"))?;
    let dialects: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("`hookd dialects --json`: {error}"))?;
    let mut problems = Vec::new();
    for dialect in dialects.as_array().into_iter().flatten().filter(|dialect| !dialect["setup"].is_null()) {
        let name = dialect["name"].as_str().unwrap_or_default();
        let path = Path::new(super::MANUAL).join(format!("dialects/{name}.md"));
        let Some(page) = pages.iter_mut().find(|page| page.path == path) else {
            problems.push(format!("dialect `{name}` has no page {}", path.display()));
            continue;
        };
        let begin = begin(name);
        let Some(text) = with_setup(&page.text, &begin, &markdown(&dialect["setup"])) else {
            problems.push(format!("{} has no lines `{begin}` and `{END}`", path.display()));
            continue;
        };
        if text == page.text {
            continue;
        }
        if is_check {
            problems.push(format!("{} is out of date: run `cargo xtask docs`", path.display()));
        } else {
            fs::write(root.join(&path), &text).map_err(|error| format!("{}: {error}", path.display()))?;
            eprintln!("wrote {}", path.display());
            page.text = text;
        }
    }
    Ok(problems)
}

/// The line before the generated part of a page.
fn begin(dialect: &str) -> String {
    format!("<!-- hookd dialects {dialect} -->")
}

/// The page with this between the two lines; `None` where it lacks one of them.
fn with_setup(page: &str, begin: &str, setup: &str) -> Option<String> {
    let (before, rest) = page.split_once(&format!("{begin}\n"))?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n\n{setup}\n{END}{after}"))
}

fn markdown(setup: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut markdown = format!("{}\n\n", wrapped(&text(&setup["place"]), ""));
    for field in setup["fields"].as_array().into_iter().flatten() {
        let line = format!("- **{}**: {}", text(&field["name"]), text(&field["text"]));
        markdown.push_str(&format!("{}\n", wrapped(&line, "  ")));
    }
    for note in setup["notes"].as_array().into_iter().flatten() {
        markdown.push_str(&format!("\n{}\n", wrapped(&text(note), "")));
    }
    markdown
}

/// The text in lines, each but the first with this indent.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{indent}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_gets_the_form_between_its_lines() {
        let setup = json!({
            "place": "Add a webhook.", "fields": [{"name": "URL", "text": "`https://HOST`."}], "notes": ["Wait."],
        });
        let page = "# `tea`\n\n<!-- hookd dialects tea -->\nold\n<!-- end -->\n\nMore.\n";
        let expected = "# `tea`\n\n<!-- hookd dialects tea -->\n\nAdd a webhook.\n\n- **URL**: `https://HOST`.\n\nWait.\n\n\
            <!-- end -->\n\nMore.\n";
        let found = with_setup(page, &begin("tea"), &markdown(&setup));
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(with_setup(expected, &begin("tea"), &markdown(&setup)).as_deref(), Some(expected));
        assert_eq!(with_setup("# `tea`\n", &begin("tea"), ""), None);
    }

    #[test]
    fn long_lines_are_wrapped() {
        let text = format!("- {} ends", "word ".repeat(23).trim_end());
        assert_eq!(wrapped(&text, "  "), format!("- {}\n  ends", "word ".repeat(23).trim_end()));
    }
}
