//! The objects of GitHub's payloads: users, organizations, repositories, with all their URLs.

use fastrand::Rng;

use crate::json::Object;
use crate::message::description;
use crate::words::base64;
use crate::world::Repository;

/// A user object; an owner's has a name and an address besides.
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

/// A repository object without its end, which [`repository`] adds.
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

/// A repository object as of a time, in seconds since 1970.
pub(crate) fn repository(rng: &mut Rng, repository: &Repository, now: i64) -> String {
    let mut text = repository.beginning.clone();
    let url = &repository.html_url;
    let (issues, forks, stars) = (rng.u32(..3000), rng.u32(..5000), repository.stars + rng.u32(..100));
    let bare = url.trim_start_matches("https://");
    let mut object = Object::resume(&mut text)
        .raw("created_at", repository.created_at)
        .text("updated_at", &date(now - rng.i64(60..90_000), "Z", 0))
        .raw("pushed_at", now)
        .text("git_url", &format!("git://{bare}.git"))
        .text("ssh_url", &format!("git@{}.git", bare.replacen('/', ":", 1)))
        .text("clone_url", &format!("{url}.git"))
        .text("svn_url", url)
        .raw("homepage", "null")
        .raw("size", repository.size + rng.u32(..1000))
        .raw("stargazers_count", stars)
        .raw("watchers_count", stars)
        .text("language", repository.language);
    for (key, value) in REPOSITORY_FLAGS {
        object = object.raw(key, value);
    }
    object = object.raw("forks_count", forks).raw("mirror_url", "null").raw("archived", false).raw("disabled", false);
    object
        .raw("open_issues_count", issues)
        .raw("license", "null")
        .raw("allow_forking", true)
        .raw("is_template", false)
        .raw("web_commit_signoff_required", false)
        .texts("topics", [])
        .text("visibility", "public")
        .raw("forks", forks)
        .raw("open_issues", issues)
        .raw("watchers", stars)
        .text("default_branch", repository.default_branch)
        .raw("stargazers", stars)
        .text("master_branch", repository.default_branch)
        .raw("custom_properties", "{}")
        .end();
    text
}

/// A time in seconds since 1970 as GitHub writes it, in a zone that is so many seconds ahead of UTC.
pub(crate) fn date(time: i64, zone: &str, ahead: i64) -> String {
    let local = time + ahead;
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    // The calendar from the number of days, by Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
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

const REPOSITORY_FLAGS: [(&str, bool); 6] = [
    ("has_issues", true),
    ("has_projects", true),
    ("has_downloads", true),
    ("has_wiki", true),
    ("has_pages", false),
    ("has_discussions", false),
];

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn writes_dates_of_the_calendar() {
        assert_eq!(date(0, "Z", 0), "1970-01-01T00:00:00Z");
        assert_eq!(date(1_709_208_000, "+02:00", 7200), "2024-02-29T14:00:00+02:00");
        assert_eq!(date(1_760_000_000, "-05:00", -18_000), "2025-10-09T03:53:20-05:00");
    }
}
