//! The option `split_file`: which branch, and which project, a path in the repository belongs to.

use std::borrow::Cow;

use hookd_core::options::wrong_kind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Map, Value};

const EXPECTED: &str =
    r#"`"none"`, `"branches"`, `"projects_branches"` or a table such as `{ trunk = "trunk", branches = "branches" }`"#;

/// How paths are split; all of them are below `repourl`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Split {
    /// Not at all: everything is one branch.
    #[default]
    None,
    /// By folders.
    Folders(Folders),
}

/// Folders of branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folders {
    /// The folder that is the default branch.
    trunk: String,
    /// Folders whose folders are branches.
    branches: Vec<String>,
    /// Whether there are folders of projects above these.
    has_projects: bool,
}

/// Where a path belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place<'p> {
    /// The project, if paths name it.
    pub(crate) project: Option<&'p str>,
    /// The branch; `None` is the default branch.
    pub(crate) branch: Option<&'p str>,
    /// The path in it; empty: the branch itself.
    pub(crate) path: &'p str,
}

impl Split {
    /// The place of a path, if it is in a branch. The path has no slash at its ends.
    pub(crate) fn place<'p>(&self, path: &'p str, is_folder: bool) -> Option<Place<'p>> {
        match self {
            Self::None => Some(Place { path, ..Place::default() }),
            Self::Folders(folders) => folders.place(path, is_folder),
        }
    }
}

impl Folders {
    fn new(trunk: &str, branches: &[String], has_projects: bool) -> Result<Self, String> {
        let branches = branches.iter().map(|folder| clean(folder)).collect::<Result<_, _>>()?;
        Ok(Self { trunk: clean(trunk)?, branches, has_projects })
    }

    fn named(has_projects: bool) -> Self {
        Self { trunk: "trunk".to_owned(), branches: vec!["branches".to_owned()], has_projects }
    }

    /// The folders that a table of the option names.
    fn of_table(table: Map<String, Value>) -> Result<Self, String> {
        let (mut trunk, mut branches, mut has_projects) = ("trunk".to_owned(), vec!["branches".to_owned()], false);
        for (key, value) in table {
            match (key.as_str(), value) {
                ("trunk", Value::String(folder)) => trunk = folder,
                ("trunk", _) => return Err("`trunk`: expected a folder".to_owned()),
                ("branches", Value::String(folder)) => branches = vec![folder],
                ("branches", Value::Array(folders)) => {
                    let folder = |folder: Value| folder.as_str().map(str::to_owned);
                    let folders = folders.into_iter().map(folder).collect::<Option<_>>();
                    branches = folders.ok_or("`branches`: expected a folder or a list of folders")?;
                }
                ("branches", _) => return Err("`branches`: expected a folder or a list of folders".to_owned()),
                ("projects", Value::Bool(has)) => has_projects = has,
                ("projects", _) => return Err("`projects`: expected `true` or `false`".to_owned()),
                (other, _) => {
                    return Err(format!("unknown key `{other}`, expected one of `branches`, `projects`, `trunk`"));
                }
            }
        }
        Self::new(&trunk, &branches, has_projects)
    }

    fn place<'p>(&self, path: &'p str, is_folder: bool) -> Option<Place<'p>> {
        let (project, path) = match path.split_once('/') {
            Some((project, rest)) if self.has_projects => (Some(project), rest),
            None if self.has_projects => return None,
            _ => (None, path),
        };
        if path == self.trunk {
            return is_folder.then_some(Place { project, branch: None, path: "" });
        }
        if let Some(path) = below(path, &self.trunk) {
            return Some(Place { project, branch: None, path });
        }
        let branch = self.branches.iter().find_map(|folder| Some((folder, below(path, folder)?)));
        let (folder, rest) = branch?;
        match rest.find('/') {
            Some(end) => {
                let end = folder.len() + 1 + end;
                Some(Place { project, branch: Some(&path[..end]), path: &path[end + 1..] })
            }
            // A file beside the branches is in none of them.
            None => is_folder.then_some(Place { project, branch: Some(path), path: "" }),
        }
    }
}

/// The rest of a path below a folder.
pub(crate) fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// A folder without slashes at its ends.
fn clean(folder: &str) -> Result<String, String> {
    let folder = folder.trim_matches('/');
    if folder.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return Err(format!("`{folder}` is no folder below `repourl`, expected one such as `trunk` or `a/branches`"));
    }
    Ok(folder.to_owned())
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => match name.as_str() {
                "none" => Ok(Split::None),
                "branches" => Ok(Split::Folders(Folders::named(false))),
                "projects_branches" => Ok(Split::Folders(Folders::named(true))),
                other => Err(D::Error::custom(format_args!("unknown layout `{other}`, expected {EXPECTED}"))),
            },
            Value::Object(table) => Folders::of_table(table).map(Split::Folders).map_err(D::Error::custom),
            other => Err(wrong_kind(&other, EXPECTED)),
        }
    }
}

impl JsonSchema for Split {
    fn schema_name() -> Cow<'static, str> {
        "SplitFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "layout of a repository",
            "description": "How paths name branches and projects.",
            "anyOf": [
                { "enum": ["none", "branches", "projects_branches"] },
                {
                    "type": "object",
                    "properties": {
                        "trunk": { "type": "string", "description": "The folder of the default branch." },
                        "branches": {
                            "description": "The folder, or folders, whose folders are branches.",
                            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
                        },
                        "projects": {
                            "type": "boolean",
                            "description": "Whether each folder of `repourl` is a project, with these folders in it.",
                        },
                    },
                    "additionalProperties": false,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn split(option: Value) -> Split {
        from_value(option).unwrap()
    }

    /// `PROJECT|BRANCH|PATH` of a path, which is a folder if it ends with a slash.
    fn place(split: &Split, path: &str) -> String {
        let place = split.place(path.trim_end_matches('/'), path.ends_with('/'));
        let show = |place: Place<'_>| {
            format!("{}|{}|{}", place.project.unwrap_or("-"), place.branch.unwrap_or("-"), place.path)
        };
        place.map_or_else(|| "nowhere".to_owned(), show)
    }

    #[test]
    fn nothing_is_split() {
        for path in ["trunk/a", "a", "branches/"] {
            assert_eq!(place(&Split::None, path), format!("-|-|{}", path.trim_end_matches('/')));
        }
    }

    #[test]
    fn branches_are_split_at_the_boundaries_of_paths() {
        let split = split(json!("branches"));
        for (path, expected) in [
            ("trunk/subdir/file.c", "-|-|subdir/file.c"),
            ("trunk/subdir/", "-|-|subdir"),
            ("trunk/", "-|-|"),
            ("trunk", "nowhere"),
            ("trunk-old/file.c", "nowhere"),
            ("trunks", "nowhere"),
            ("branches/1.5.x/subdir/file.c", "-|branches/1.5.x|subdir/file.c"),
            ("branches/1.5.x/", "-|branches/1.5.x|"),
            ("branches/file.c", "nowhere"),
            ("branches/", "nowhere"),
            ("branches-old/a/b", "nowhere"),
            ("tags/1/a", "nowhere"),
            ("", "nowhere"),
            ("a", "nowhere"),
        ] {
            assert_eq!(place(&split, path), expected, "{path}");
        }
    }

    #[test]
    fn projects_are_above_branches() {
        let split = split(json!("projects_branches"));
        for (path, expected) in [
            ("tea/trunk/a/b", "tea|-|a/b"),
            ("tea/branches/x/b", "tea|branches/x|b"),
            ("tea/trunk/", "tea|-|"),
            ("tea/", "nowhere"),
            ("trunk/a", "nowhere"),
        ] {
            assert_eq!(place(&split, path), expected, "{path}");
        }
    }

    #[test]
    fn a_table_names_other_folders() {
        let split = split(json!({"trunk": "/main/head/", "branches": ["rel", "users/of/us"]}));
        assert_eq!(place(&split, "main/head/a"), "-|-|a");
        assert_eq!(place(&split, "rel/1/a"), "-|rel/1|a");
        assert_eq!(place(&split, "users/of/us/me/a/b"), "-|users/of/us/me|a/b");
        assert_eq!(place(&split, "trunk/a"), "nowhere");
        let default = self::split(json!({"branches": "branches"}));
        assert_eq!(default, self::split(json!("branches")));
        assert_eq!(self::split(json!({"projects": true})), self::split(json!("projects_branches")));
    }

    #[test]
    fn says_what_is_possible() {
        let refusal = |option| from_value::<Split>(option).unwrap_err().to_string();
        assert!(refusal(json!("brnches")).starts_with("unknown layout `brnches`, expected `\"none\"`, `\"branches\"`"));
        assert_eq!(
            refusal(json!({"trnk": "a"})),
            "unknown key `trnk`, expected one of `branches`, `projects`, `trunk`"
        );
        assert!(refusal(json!({"trunk": ""})).contains("is no folder below `repourl`"));
        assert!(refusal(json!({"trunk": "../a"})).contains("is no folder below `repourl`"));
        assert!(refusal(json!({"branches": 1})).contains("expected a folder or a list of folders"));
        assert!(refusal(json!(1)).contains("expected `\"none\"`"), "{}", refusal(json!(1)));
    }
}
