//! Changes from the revisions of a log: one for each branch, and project, that a revision touches.

use hookd_core::Change;

use super::log::{Action, Entry, Touched};
use super::split::{Split, below};

/// What changes are made with.
pub(crate) struct Recipe {
    /// The repository of the changes.
    pub(crate) repository: String,
    pub(crate) split: Split,
    pub(crate) revlink: Option<RevlinkTemplate>,
}

/// The option `revlinktmpl`: a text with one `%s` for the revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevlinkTemplate {
    before: String,
    after: String,
}

impl RevlinkTemplate {
    /// Parses it as Python does: `%s` is the revision, `%%` a percent sign.
    ///
    /// # Errors
    /// Where it has no `%s`, or anything else after a percent sign.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let (mut before, mut after) = (String::new(), None::<String>);
        let mut rest = template;
        while let Some((text, tail)) = rest.split_once('%') {
            let part = after.as_mut().unwrap_or(&mut before);
            part.push_str(text);
            if let Some(tail) = tail.strip_prefix('%') {
                part.push('%');
                rest = tail;
            } else if let (Some(tail), None) = (tail.strip_prefix('s'), &after) {
                after = Some(String::new());
                rest = tail;
            } else {
                return Err("expected one `%s`, where the revision goes; write `%%` for a percent sign".to_owned());
            }
        }
        after.as_mut().unwrap_or(&mut before).push_str(rest);
        let after = after.ok_or("expected a `%s`, where the revision goes")?;
        Ok(Self { before, after })
    }

    fn fill(&self, revision: u64) -> String {
        format!("{}{revision}{}", self.before, self.after)
    }
}

/// A path that a revision touched, where it belongs.
struct Placed<'e> {
    touched: &'e Touched,
    project: Option<&'e str>,
    branch: Option<&'e str>,
    path: &'e str,
}

impl Recipe {
    /// The changes of a revision. `prefix` is the path of what is polled.
    pub(crate) fn changes(&self, entry: &Entry, prefix: &str, deleted: &mut Vec<String>) -> Vec<Change> {
        let mut groups: Vec<Vec<Placed<'_>>> = Vec::new();
        for touched in &entry.paths {
            let Some(placed) = self.placed(touched, prefix) else { continue };
            let is_same =
                |group: &&mut Vec<Placed<'_>>| (group[0].project, group[0].branch) == (placed.project, placed.branch);
            match groups.iter_mut().find(is_same) {
                Some(group) => group.push(placed),
                None => groups.push(vec![placed]),
            }
        }
        let mut changes = Vec::new();
        for group in groups {
            // Without its last breath there is nothing to build. A branch that is made again in the same revision is replaced.
            if group.iter().all(|placed| placed.path.is_empty() && placed.touched.action == Action::Deleted) {
                deleted.push(group[0].branch.unwrap_or("trunk").to_owned());
                continue;
            }
            changes.push(self.change(entry, &group));
        }
        changes
    }

    fn placed<'e>(&self, touched: &'e Touched, prefix: &str) -> Option<Placed<'e>> {
        let path = if prefix.is_empty() {
            touched.path.as_str()
        } else if touched.path == prefix {
            ""
        } else if let Some(path) = below(&touched.path, prefix) {
            path
        } else if is_made_above(touched, prefix) && self.split == Split::None {
            // What is polled was made with a folder above it.
            ""
        } else {
            return None;
        };
        let place = self.split.place(path, touched.is_folder)?;
        Some(Placed { touched, project: place.project, branch: place.branch, path: place.path })
    }

    fn change(&self, entry: &Entry, group: &[Placed<'_>]) -> Change {
        let mut change = Change {
            author: entry.author.clone().unwrap_or_else(|| "unknown".to_owned()),
            branch: group[0].branch.map(str::to_owned),
            comments: entry.message.clone().unwrap_or_default(),
            files: group.iter().map(|placed| placed.path.to_owned()).collect(),
            project: group[0].project.unwrap_or_default().to_owned(),
            repository: self.repository.clone(),
            revision: Some(entry.revision.to_string()),
            revlink: Some(self.revlink.as_ref().map(|template| template.fill(entry.revision)).unwrap_or_default()),
            src: Some("svn".to_owned()),
            when_timestamp: entry.date,
            ..Change::default()
        };
        change.fill_revlink();
        change
    }
}

/// Whether a path is a folder above what is polled, and was made anew.
pub(crate) fn is_made_above(touched: &Touched, prefix: &str) -> bool {
    let is_above = touched.path.is_empty() || below(prefix, &touched.path).is_some();
    is_above && touched.path != prefix && matches!(touched.action, Action::Added | Action::Replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(split: serde_json::Value) -> Recipe {
        Recipe {
            repository: "https://example.org/svn/a b".to_owned(),
            split: serde_json::from_value(split).unwrap(),
            revlink: Some(RevlinkTemplate::parse("https://example.org/?r=%s&x=%%2F").unwrap()),
        }
    }

    fn entry(paths: &[(&str, Action)]) -> Entry {
        let touched = |&(path, action): &(&str, Action)| Touched {
            path: path.trim_end_matches('/').to_owned(),
            action,
            is_folder: path.ends_with('/'),
        };
        let paths = paths.iter().map(touched).collect();
        Entry { revision: 7, author: None, date: None, message: None, paths }
    }

    /// `PROJECT|BRANCH|FILES` of each change.
    fn shown(recipe: &Recipe, prefix: &str, paths: &[(&str, Action)]) -> Vec<String> {
        let changes = recipe.changes(&entry(paths), prefix, &mut Vec::new());
        let show = |change: &Change| {
            format!("{}|{}|{}", change.project, change.branch.as_deref().unwrap_or("-"), change.files.join(","))
        };
        changes.iter().map(show).collect()
    }

    use Action::{Added, Deleted, Modified, Replaced};

    #[test]
    fn each_branch_of_a_revision_is_a_change() {
        let paths = [
            ("trunk/a", Modified),
            ("branches/x/b", Added),
            ("trunk/c/", Added),
            ("trunk-old/d", Modified),
            ("branches/x/", Modified),
            ("branches/y/", Added),
        ];
        assert_eq!(shown(&recipe("branches".into()), "", &paths), ["|-|a,c", "|branches/x|b,", "|branches/y|"]);
        let paths = [("one/trunk/a", Modified), ("two/trunk/b", Modified), ("one/trunk/c", Modified)];
        let recipe = recipe("projects_branches".into());
        assert_eq!(shown(&recipe, "", &paths), ["one|-|a,c", "two|-|b"]);
    }

    #[test]
    fn what_describes_may_be_missing() {
        let changes = recipe("none".into()).changes(&entry(&[("a", Added)]), "", &mut Vec::new());
        let expected = Change {
            author: "unknown".to_owned(),
            files: vec!["a".to_owned()],
            repository: "https://example.org/svn/a b".to_owned(),
            revision: Some("7".to_owned()),
            revlink: Some("https://example.org/?r=7&x=%2F".to_owned()),
            src: Some("svn".to_owned()),
            ..Change::default()
        };
        assert_eq!(changes, [expected]);
    }

    #[test]
    fn a_branch_that_is_only_deleted_makes_no_change() {
        let recipe = recipe("branches".into());
        let mut deleted = Vec::new();
        let paths = [("branches/x/", Deleted), ("trunk/", Deleted), ("branches/y/", Replaced)];
        let changes = recipe.changes(&entry(&paths), "", &mut deleted);
        assert_eq!((changes.len(), deleted), (1, vec!["branches/x".to_owned(), "trunk".to_owned()]));
        // A file in it was touched after it was copied, or it was moved away and made again.
        let paths = [("branches/x/", Deleted), ("branches/x/a", Added)];
        assert_eq!(shown(&recipe, "", &paths), ["|branches/x|,a"]);
    }

    #[test]
    fn only_what_is_polled_counts() {
        let paths = [("a b/c", Added), ("a bc/d", Added), ("a b/", Modified), ("other/", Added)];
        assert_eq!(shown(&recipe("none".into()), "a b", &paths), ["|-|c,"]);
        // It came with a folder above it.
        let paths = [("new/", Added), ("old/", Deleted)];
        assert_eq!(shown(&recipe("none".into()), "new/proj", &paths), ["|-|"]);
        assert_eq!(shown(&recipe("branches".into()), "new/proj", &paths), [""; 0]);
    }

    #[test]
    fn a_revlink_has_the_revision_once() {
        for template in ["", "https://example.org", "%s%s", "%d", "100%", "%(rev)s"] {
            assert!(RevlinkTemplate::parse(template).is_err(), "{template}");
        }
    }
}
