//! What `git ls-remote` prints: the refs of a remote repository.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::follow::Follow;

/// A ref of the remote repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteRef {
    /// Its full name, as bytes.
    pub(crate) name: Vec<u8>,
    /// What it points to.
    pub(crate) object: String,
    /// What the tag that it points to points to, where it is an annotated one; else the same.
    pub(crate) peeled: String,
}

/// The refs that are followed, by the keys of their positions, in the order of git.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) refs: BTreeMap<String, RemoteRef>,
    /// The `HEAD` of the repository, where that is not what is followed.
    pub(crate) head: Option<RemoteRef>,
}

/// The key of a ref's position: its full name. Of a name that is not UTF-8, what is legible and a hash; no name has `~`.
fn key(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("{}~{:016x}", String::from_utf8_lossy(name), xxh3_64(name)),
    }
}

/// The name under which the ref of this key is kept in the work folder: names of a remote may contain each other, as `a` and
/// `a/b` of two moments do.
pub(crate) fn local_name(key: &str) -> String {
    format!("{:032x}", xxh3_128(key.as_bytes()))
}

/// The branch of a change on the ref of this key: as Buildbot's, the full name but of a branch.
pub(crate) fn branch(key: &str) -> String {
    let name = key.split('~').next().unwrap_or_default();
    name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()
}

/// Whether git takes this as the name of a ref; the remote's word is not enough, since it is passed on.
fn is_name(name: &[u8]) -> bool {
    let forbidden = |byte: &u8| *byte <= b' ' || *byte == 0x7f || b":?[*^~\\".contains(byte);
    (name.starts_with(b"refs/") || name == b"HEAD") && !name.iter().any(forbidden)
}

fn is_object(id: &[u8]) -> bool {
    matches!(id.len(), 40 | 64) && id.iter().all(u8::is_ascii_hexdigit)
}

impl Listing {
    /// The refs of a listing that are followed. With [`Follow::Head`] that is the branch that `HEAD` names, or `HEAD` itself
    /// where the remote does not say or it is detached.
    pub(crate) fn parse(output: &[u8], follow: &Follow) -> Self {
        let mut all: BTreeMap<Vec<u8>, RemoteRef> = BTreeMap::new();
        let mut head_is: Option<Vec<u8>> = None;
        for line in output.split(|byte| *byte == b'\n') {
            let Some(tab) = line.iter().position(|byte| *byte == b'\t') else { continue };
            let (value, name) = (&line[..tab], &line[tab + 1..]);
            if let Some(target) = value.strip_prefix(b"ref: ") {
                if name == b"HEAD" && is_name(target) {
                    head_is = Some(target.to_owned());
                }
                continue;
            }
            if !is_object(value) {
                continue;
            }
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            if let Some(tag) = name.strip_suffix(b"^{}") {
                if let Some(tag) = all.get_mut(tag) {
                    tag.peeled = value;
                }
            } else if is_name(name) {
                let one = RemoteRef { name: name.to_owned(), object: value.clone(), peeled: value };
                all.insert(name.to_owned(), one);
            }
        }
        let head = all.remove(b"HEAD".as_slice());
        match follow {
            Follow::Head => {
                let head = head.map(|head| RemoteRef { name: head_is.unwrap_or_else(|| head.name.clone()), ..head });
                let refs = head.into_iter().map(|head| (key(&head.name), head)).collect();
                Self { refs, head: None }
            }
            Follow::Refs(_) => {
                let refs = all.into_values().map(|one| (key(&one.name), one));
                Self { refs: refs.filter(|(key, _)| follow.matches(key)).collect(), head }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::follow::Branches;

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    #[test]
    fn tags_are_peeled_and_odd_names_left_out() {
        let text = format!(
            "{a}\tHEAD\n{a}\trefs/heads/-x\n{b}\trefs/tags/v1\n{c}\trefs/tags/v1^{{}}\n{a}\trefs/heads/a b\n\
             {a}\trefs/heads/x:refs/heads/y\nnoise\n{a}\t--upload-pack=x\n",
            a = id('a'),
            b = id('b'),
            c = id('c')
        );
        let both = Branches::Named(vec!["*".to_owned(), "refs/tags/*".to_owned()]);
        let follow = Follow::new(Some(both), None, false).unwrap();
        let listing = Listing::parse(text.as_bytes(), &follow);
        assert_eq!(listing.refs.keys().collect::<Vec<_>>(), ["refs/heads/-x", "refs/tags/v1"]);
        let tag = &listing.refs["refs/tags/v1"];
        assert_eq!((tag.object.clone(), tag.peeled.clone()), (id('b'), id('c')));
    }

    #[test]
    fn the_head_is_the_branch_that_it_names() {
        let keys = |text: String| Listing::parse(text.as_bytes(), &Follow::Head).refs.into_keys().collect::<Vec<_>>();
        assert_eq!(keys(format!("ref: refs/heads/trunk\tHEAD\n{a}\tHEAD\n", a = id('a'))), ["refs/heads/trunk"]);
        assert_eq!(keys(format!("{a}\tHEAD\n", a = id('a'))), ["HEAD"]);
        assert!(keys(String::new()).is_empty());
    }

    #[test]
    fn names_that_are_not_utf_8_have_keys_of_their_own() {
        let (one, other) = (key(b"refs/heads/\xff"), key(b"refs/heads/\xfe"));
        assert_ne!(one, other);
        assert_eq!((branch(&one).as_str(), branch("refs/tags/v1").as_str()), ("\u{fffd}", "refs/tags/v1"));
    }
}
