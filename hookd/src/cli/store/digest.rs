//! How many records of each kind a store has, with a hash over all of them: the same in a copy, whatever its engine.

use std::io;
use std::path::Path;

use hookd_config::{Store, StoreUrl};
use hookd_store::copy::{Digest, Examined, Part, examine};

use crate::cli::{Exit, Output, fail, progress};
use crate::log::chain;
use crate::stores;

/// A line for each part.
pub(super) fn print(digest: &Digest, output: &mut Output<'_>) -> io::Result<()> {
    for part in Part::ALL {
        let of = digest.of(part);
        writeln!(output.out, "{:<12} {:>10}  {:032x}", part.to_string(), of.count, of.hash)?;
    }
    Ok(())
}

/// The digest of a store in SQLite, which was checked before.
pub(super) fn of_file(path: &Path, output: &mut Output<'_>) -> io::Result<Exit> {
    check(&Store { url: StoreUrl::Sqlite(path.to_owned()), ..Store::default() }, output, |_, digest, output| {
        print(digest, output)
    })
}

/// Checks a store in PostgreSQL.
pub(super) fn check_database(store: &Store, with_digest: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    check(store, output, |url, digest, output| {
        let (deliveries, requests) = (digest.of(Part::Deliveries).count, digest.of(Part::Requests).count);
        writeln!(output.out, "{url}: ok, {deliveries} deliveries, {requests} of them with their request")?;
        if with_digest { print(digest, output) } else { Ok(()) }
    })
}

/// Reads all of a store, and reports what is wrong with it.
fn check(
    store: &Store,
    output: &mut Output<'_>,
    print: impl FnOnce(&StoreUrl, &Digest, &mut Output<'_>) -> io::Result<()>,
) -> io::Result<Exit> {
    let report = progress::reporter();
    let examined = stores::open_export_beside(store).map_err(|error| chain(&error)).and_then(|mut export| {
        examine(export.as_mut(), &mut |progress| report(progress)).map_err(|error| chain(&error))
    });
    let Examined { digest, problems } = match examined {
        Ok(Some(examined)) => examined,
        Ok(None) => return fail("interrupted; nothing was changed", output),
        Err(message) => return fail(&message, output),
    };
    for problem in &problems {
        writeln!(output.err, "{}: {problem}", store.url)?;
    }
    if !problems.is_empty() {
        return fail("the store is damaged: keep a copy of it, and restore a backup", output);
    }
    print(&store.url, &digest, output)?;
    Ok(Exit::Ok)
}
