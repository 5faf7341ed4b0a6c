//! The option `token`: one token for the API, or one for each kind of repository.

use std::fmt;

use hookd_core::{BuildContext, Glob, GlobMap, Problem, Secret, no_number};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The `token` of the dialect: a secret, or a table from patterns on `OWNER/NAME` to secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The same for every repository.
    One(Secret),
    /// By pattern, in any order.
    Each(Vec<(String, Secret)>),
}

/// The tokens themselves. GitHub takes names of owners and repositories without regard to case.
pub(crate) struct Tokens(GlobMap<String>);

impl Tokens {
    /// Reads the secrets of the option.
    ///
    /// # Errors
    /// One problem for each that could not be read, or that no header could carry.
    pub(crate) fn read(token: Option<&Token>, context: &BuildContext<'_>) -> Result<Self, Vec<Problem>> {
        let mut tokens = Vec::new();
        let mut problems = Vec::new();
        let mut take =
            |pattern: &str, secret: &Secret, place: &dyn Fn(String) -> Problem| match Glob::ignoring_case(pattern)
                .and_then(|glob| Ok((glob, usable(secret, context)?)))
            {
                Ok(token) => tokens.push(token),
                Err(message) => problems.push(place(message)),
            };
        match token {
            None => {}
            Some(Token::One(secret)) => take("*", secret, &|message| Problem::with("token", message)),
            Some(Token::Each(table)) => {
                for (pattern, secret) in table {
                    take(pattern, secret, &|message| Problem::with(pattern, message).under("token"));
                }
            }
        }
        if problems.is_empty() { Ok(Self(tokens.into_iter().collect())) } else { Err(problems) }
    }

    /// The token for the repository of this full name.
    pub(crate) fn for_repository(&self, full_name: &str) -> Option<&str> {
        self.0.get(full_name).map(String::as_str)
    }

    /// A sentence for each pattern that can never match, or whose token is never taken.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        let mut warnings = Vec::new();
        for pattern in self.0.patterns().map(Glob::source) {
            if let Some(why) = hopeless(pattern) {
                warnings.push(format!("`token`: the pattern `{pattern}` never matches `OWNER/NAME`: {why}"));
            }
            let folded = pattern.to_lowercase();
            if known.contains(&folded) {
                warnings.push(format!(
                    "`token`: the pattern `{pattern}` differs from another by case alone, and is never used"
                ));
            }
            known.push(folded);
        }
        warnings
    }
}

/// Why a pattern matches no full name of a repository, where that is certain.
fn hopeless(pattern: &str) -> Option<&'static str> {
    // A set may stand for any character.
    let has_set = pattern.contains('[');
    let literal = |c: char| !matches!(c, '*' | '?');
    let is_of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let slashes = pattern.chars().filter(|c| *c == '/').count();
    if has_set {
        None
    } else if pattern.contains("://") {
        Some("it is a URL")
    } else if pattern.chars().any(|c| literal(c) && !is_of_names(c)) {
        Some("it has a character that no such name has")
    } else if slashes > 1 {
        Some("it has more than one slash")
    } else if slashes == 0 && !pattern.contains(['*', '?']) {
        Some("it has no slash")
    } else if pattern.starts_with('/') || pattern.ends_with('/') {
        Some("nothing is before or behind its slash")
    } else {
        None
    }
}

fn usable(secret: &Secret, context: &BuildContext<'_>) -> Result<String, String> {
    let bytes = context.secret(secret)?;
    match String::from_utf8(bytes) {
        Ok(token) if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token),
        _ => Err("the token has characters that no token of GitHub has: spaces, line ends or beyond ASCII".to_owned()),
    }
}

const EXPECTED: &str = r#"a string, `{ env = "NAME" }`, `{ file = "PATH" }`, or a table from patterns to these"#;

struct OneOrTable;

impl<'de> Visitor<'de> for OneOrTable {
    type Value = Token;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Token, E> {
        Ok(Token::One(Secret::Text(text.to_owned())))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Token, E> {
        no_number("an integer", EXPECTED)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Token, E> {
        no_number("an integer", EXPECTED)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Token, E> {
        no_number("a float", EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Token, A::Error> {
        let mut table: Vec<(String, Secret)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            table.push(entry);
        }
        match table.as_slice() {
            [] => Err(A::Error::custom("an empty table of tokens: name a pattern, or leave it out")),
            // No repository is named `env` or `file`: full names have a slash.
            [(key, Secret::Text(name))] if key == "env" => Ok(Token::One(Secret::Env(name.clone()))),
            [(key, Secret::Text(path))] if key == "file" => Ok(Token::One(Secret::File(path.clone()))),
            _ => Ok(Token::Each(table)),
        }
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrTable)
    }
}

impl JsonSchema for Token {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Token".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Secret>();
        json_schema!({
            "title": "token or table of tokens",
            "description": "One token, or tokens by pattern on `OWNER/NAME`.",
            "anyOf": [one, { "type": "object", "additionalProperties": one, "minProperties": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::hopeless;

    #[test]
    fn patterns_that_cannot_match_a_full_name_are_hopeless() {
        for pattern in ["*", "octo/*", "Octo/tea", "oct?/t.e-a_", "octo*", "*/tea", "?????", "[a-c]*", "octo[/]tea"] {
            assert_eq!(hopeless(pattern), None, "{pattern}");
        }
        for pattern in [
            "octo",
            "octo/",
            "/tea",
            "",
            "https://github.com/octo/*",
            "octo/tea/x",
            "github.com/octo/*",
            "octo tea/*",
            "octo/tea.git#1",
        ] {
            assert!(hopeless(pattern).is_some(), "{pattern}");
        }
    }
}
