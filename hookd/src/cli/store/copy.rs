//! `hookd store copy`: from one store to another, whatever their engines.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use hookd_config::{Config, Login, SslMode, Store, StoreUrl};
use hookd_store::copy::{Copied, CopyError, copy};

use super::digest;
use crate::cli::{Exit, Output, fail, progress};
use crate::log::chain;
use crate::stores;

/// Arguments of `hookd store copy`.
#[derive(Debug, Args)]
pub(super) struct CopyArgs {
    /// The store that is copied: `sqlite:PATH` or `postgresql://USER@HOST/DATABASE`. No hookd may be at work on it.
    #[arg(long, value_name = "URL")]
    from: String,

    /// The store that is filled. It is empty, does not exist, or is the unfinished copy of the same store.
    #[arg(long, value_name = "URL")]
    to: String,

    /// The file with the password of the database. A store that `[store]` of the configuration names is reached as that says.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    password_file: Option<PathBuf>,

    /// The environment variable with the password of the database.
    #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
    password_env: Option<String>,

    /// How the connection to the database is protected, as `sslmode` of `[store]`.
    #[arg(long, value_name = "MODE", value_parser = PossibleValuesParser::new(["disable", "require", "verify-full"]))]
    sslmode: Option<String>,

    /// The file with the authorities that are trusted, as `sslrootcert` of `[store]`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    sslrootcert: Option<PathBuf>,
}

pub(super) fn run(config: &Path, args: &CopyArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let configured = match configured(config) {
        Ok(configured) => configured,
        Err(report) => {
            writeln!(output.err, "{report}")?;
            return Ok(Exit::Usage);
        }
    };
    let mut named = Vec::new();
    for (option, url) in [("--from", &args.from), ("--to", &args.to)] {
        match store(url, args, configured.as_ref()) {
            Ok(store) => named.push(store),
            Err(problems) => {
                for problem in problems {
                    writeln!(output.err, "error: `{option}`: {problem}")?;
                }
                return Ok(Exit::Usage);
            }
        }
    }
    let [from, to] = named.as_slice() else { return Ok(Exit::Usage) };
    let CopyArgs { password_file, password_env, sslmode, sslrootcert, .. } = args;
    let is_login = password_file.is_some() || password_env.is_some() || sslmode.is_some() || sslrootcert.is_some();
    if is_login && matches!((&from.url, &to.url), (StoreUrl::Sqlite(_), StoreUrl::Sqlite(_))) {
        let message = "passwords and TLS are for PostgreSQL, and both stores are files of SQLite";
        writeln!(output.err, "error: {message}")?;
        return Ok(Exit::Usage);
    }
    if is_same_place(&from.url, &to.url) {
        return fail("`--from` and `--to` name the same store", output);
    }
    match carry(from, to) {
        Ok(copied) => {
            writeln!(output.out, "{} is a complete copy of {}:", to.url, from.url)?;
            digest::print(&copied.digest, output)?;
            Ok(Exit::Ok)
        }
        Err(message) => fail(&format!("{} to {}: {message}", from.url, to.url), output),
    }
}

/// The store of the configuration, if there is one.
fn configured(config: &Path) -> Result<Option<Store>, hookd_config::Report> {
    match fs::exists(config) {
        Ok(false) => Ok(None),
        _ => Config::load_store(config).map(Some),
    }
}

/// The store of a URL: that of the configuration where it names the same database, without a password of its own.
fn store(url: &str, args: &CopyArgs, configured: Option<&Store>) -> Result<Store, Vec<String>> {
    let CopyArgs { password_file, password_env, sslmode, sslrootcert, .. } = args;
    let plain = Store::of_url(url, &Login::default());
    match &plain {
        Ok(Store { url: StoreUrl::Postgres(url), .. }) if url.password.is_none() => {
            if let Some(configured) = configured
                && matches!(&configured.url, StoreUrl::Postgres(known) if known.to_string() == url.to_string())
            {
                return Ok(configured.clone());
            }
        }
        Ok(Store { url: StoreUrl::Postgres(_), .. }) => {}
        _ => return plain,
    }
    let sslmode = sslmode.as_deref().map(|mode| match mode {
        "disable" => SslMode::Disable,
        "require" => SslMode::Require,
        _ => SslMode::VerifyFull,
    });
    let has_password = matches!(&plain, Ok(Store { url: StoreUrl::Postgres(url), .. }) if url.password.is_some());
    let login = Login {
        // Of two databases one may have its password in the URL.
        password_env: password_env.clone().filter(|_| !has_password),
        password_file: password_file.clone().filter(|_| !has_password),
        sslmode,
        sslrootcert: sslrootcert.clone(),
    };
    Store::of_url(url, &login)
}

/// Whether both are the same file. Of databases the stores themselves say so.
fn is_same_place(from: &StoreUrl, to: &StoreUrl) -> bool {
    match (from, to) {
        (StoreUrl::Sqlite(from), StoreUrl::Sqlite(to)) => {
            let canonical = |path: &PathBuf| fs::canonicalize(path).ok();
            from == to || canonical(from).is_some_and(|from| canonical(to) == Some(from))
        }
        _ => from.to_string() == to.to_string(),
    }
}

fn carry(from: &Store, to: &Store) -> Result<Copied, String> {
    let mut source = stores::open_export(from).map_err(|error| chain(&error))?;
    let mut destination = stores::open_import(to).map_err(|error| chain(&error))?;
    let report = progress::reporter();
    copy(source.as_mut(), destination.as_mut(), &mut |progress| report(progress)).map_err(|error| match error {
        CopyError::SourceChanged => format!("{error}: {}", removal(&to.url)),
        error => chain(&error),
    })
}

/// How to remove an unfinished copy.
fn removal(url: &StoreUrl) -> String {
    match url {
        StoreUrl::Sqlite(path) => format!("delete `{}`", path.display()),
        StoreUrl::Postgres(_) => format!("`DROP SCHEMA hookd CASCADE` in {url}"),
    }
}
