//! The objects of GitHub's payloads that never change: users, organizations, and the constant part of repositories, with
//! all their URLs.

use fastrand::Rng;

use crate::json::Object;
use crate::phrases::description;
use crate::words::base64;

/// A user object; an owner's also has a name and an email address.
pub(crate) fn user(rng: &mut Rng, login: &str, id: u32, kind: &str, owner_email: Option<&str>) -> String {
    let mut text = String::new();
    let mut object = Object::new(&mut text);
    if let Some(email) = owner_email {
        object = object.text("name", login);
        object = if email.is_empty() { object.raw("email", "null") } else { object.text("email", email) };
    }
    let api = format!("https://api.github.com/users/{login}");
    object = object
        .text("login", login)
        .raw("id", id)
        .text("node_id", &format!("U_kgDO{}", base64(rng, 6)))
        .text("avatar_url", &format!("https://avatars.githubusercontent.com/u/{id}?v=4"))
        .text("gravatar_id", "")
        .text("url", &api)
        .text("html_url", &format!("https://github.com/{login}"));
    for (key, end) in USER_URLS {
        object = object.text(key, &format!("{api}/{end}"));
    }
    object.text("type", kind).text("user_view_type", "public").raw("site_admin", false).end();
    text
}

/// An organization object.
pub(crate) fn organization(rng: &mut Rng, login: &str, id: u32) -> String {
    let mut text = String::new();
    let api = format!("https://api.github.com/orgs/{login}");
    let mut object = Object::new(&mut text)
        .text("login", login)
        .raw("id", id)
        .text("node_id", &format!("O_kgDO{}", base64(rng, 6)))
        .text("url", &api);
    for (key, end) in ORGANIZATION_URLS {
        object = object.text(key, &format!("{api}/{end}"));
    }
    object
        .text("avatar_url", &format!("https://avatars.githubusercontent.com/u/{id}?v=4"))
        .text("description", &description(rng))
        .end();
    text
}

/// The constant beginning of a repository object; `Repository::to_json` adds the rest.
pub(crate) fn repository_beginning(rng: &mut Rng, login: &str, name: &str, owner: &str) -> String {
    let mut text = String::new();
    let full_name = format!("{login}/{name}");
    let (html_url, api) =
        (format!("https://github.com/{full_name}"), format!("https://api.github.com/repos/{full_name}"));
    let mut object = Object::new(&mut text)
        .raw("id", rng.u32(1000..900_000_000))
        .text("node_id", &format!("R_kgDO{}", base64(rng, 6)))
        .text("name", name)
        .text("full_name", &full_name)
        .raw("private", rng.bool())
        .raw("owner", owner)
        .text("html_url", &html_url)
        .text("description", &description(rng))
        .raw("fork", rng.u8(..5) == 0)
        .text("url", &html_url);
    for (key, end) in REPOSITORY_URLS {
        object = object.text(key, &format!("{api}/{end}"));
    }
    object.pause();
    text
}

const USER_URLS: [(&str, &str); 9] = [
    ("followers_url", "followers"),
    ("following_url", "following{/other_user}"),
    ("gists_url", "gists{/gist_id}"),
    ("starred_url", "starred{/owner}{/repo}"),
    ("subscriptions_url", "subscriptions"),
    ("organizations_url", "orgs"),
    ("repos_url", "repos"),
    ("events_url", "events{/privacy}"),
    ("received_events_url", "received_events"),
];

const ORGANIZATION_URLS: [(&str, &str); 6] = [
    ("repos_url", "repos"),
    ("events_url", "events"),
    ("hooks_url", "hooks"),
    ("issues_url", "issues"),
    ("members_url", "members{/member}"),
    ("public_members_url", "public_members{/member}"),
];

const REPOSITORY_URLS: [(&str, &str); 36] = [
    ("forks_url", "forks"),
    ("keys_url", "keys{/key_id}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("teams_url", "teams"),
    ("hooks_url", "hooks"),
    ("issue_events_url", "issues/events{/number}"),
    ("events_url", "events"),
    ("assignees_url", "assignees{/user}"),
    ("branches_url", "branches{/branch}"),
    ("tags_url", "tags"),
    ("blobs_url", "git/blobs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("trees_url", "git/trees{/sha}"),
    ("statuses_url", "statuses/{sha}"),
    ("languages_url", "languages"),
    ("stargazers_url", "stargazers"),
    ("contributors_url", "contributors"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("commits_url", "commits{/sha}"),
    ("git_commits_url", "git/commits{/sha}"),
    ("comments_url", "comments{/number}"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("contents_url", "contents/{+path}"),
    ("compare_url", "compare/{base}...{head}"),
    ("merges_url", "merges"),
    ("archive_url", "{archive_format}{/ref}"),
    ("downloads_url", "downloads"),
    ("issues_url", "issues{/number}"),
    ("pulls_url", "pulls{/number}"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("labels_url", "labels{/name}"),
    ("releases_url", "releases{/id}"),
    ("deployments_url", "deployments"),
];
