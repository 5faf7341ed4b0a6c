//! The URL of a PostgreSQL database: `postgresql://USER@HOST:PORT/DATABASE`.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The port of PostgreSQL.
const DEFAULT_PORT: u16 = 5432;

/// What is escaped where a part of the URL is shown.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'/').add(b'?').add(b'#').add(b'@').add(b':').add(b'%').add(b'&');

/// A PostgreSQL database, and who connects to it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The role to log in as.
    pub user: String,
    /// The password, from the URL or from the option `password`.
    pub password: Option<Vec<u8>>,
    /// A name, an address, or the folder of a Unix socket (which begins with `/`).
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
}

impl PostgresUrl {
    /// Reads what follows `postgresql:`. No message repeats a part of it: any may be a password at the wrong place.
    pub(crate) fn parse(rest: &str) -> Result<Self, String> {
        let rest = rest.strip_prefix("//").ok_or("`//` is missing after `postgresql:`")?;
        let (rest, parameters) = rest.split_once('?').map_or((rest, None), |(rest, more)| (rest, Some(more)));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').map_or(("", authority), |(login, place)| (login, place));
        let (user, password) = login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
        let (host, port) = match place.strip_prefix('[') {
            Some(address) => {
                let (address, rest) = address.split_once(']').ok_or("a `]` is missing behind the address")?;
                (address, rest.strip_prefix(':'))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let mut host = decoded(host)?;
        for parameter in parameters.into_iter().flat_map(|parameters| parameters.split('&')) {
            match parameter.split_once('=') {
                Some(("host", folder)) if host.is_empty() => host = decoded(folder)?,
                Some(("host", _)) => {
                    return Err("the host is there twice, before the database and as `host`".to_owned());
                }
                Some(("sslmode" | "sslrootcert", _)) => {
                    return Err("`sslmode` and `sslrootcert` are options of `[store]`, beside `url`".to_owned());
                }
                _ => return Err("after `?` only `host=FOLDER` is possible, the folder of a Unix socket".to_owned()),
            }
        }
        let user = decoded(user)?;
        if user.is_empty() {
            return Err("the URL names no user, expected `postgresql://USER@HOST/DATABASE`".to_owned());
        }
        if host.is_empty() || host.contains(',') {
            return Err(
                "the URL names no host, expected one: a name, an address, or `?host=FOLDER` for the folder of a \
                        Unix socket"
                    .to_owned(),
            );
        }
        let port = port.map_or(Ok(DEFAULT_PORT), str::parse);
        let port = port.ok().filter(|port| *port != 0).ok_or("bad port, expected a number from 1 to 65535")?;
        let database = if database.is_empty() { user.clone() } else { decoded(database)? };
        let password = password.map(decoded).transpose()?.map(String::into_bytes);
        Ok(Self { user, password, host, port, database })
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "the URL is not UTF-8 once it is decoded")?;
    if decoded.contains('\0') {
        return Err("the URL contains NUL".to_owned());
    }
    Ok(decoded.into_owned())
}

impl fmt::Display for PostgresUrl {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password: _, host, port, database } = self;
        let [user, database] = [user, database].map(|text| utf8_percent_encode(text, ESCAPED));
        write!(f, "postgresql://{user}@")?;
        let is_socket = host.starts_with('/');
        match host {
            _ if is_socket => {}
            address if address.contains(':') => write!(f, "[{address}]")?,
            name => write!(f, "{name}")?,
        }
        if *port != DEFAULT_PORT {
            write!(f, ":{port}")?;
        }
        write!(f, "/{database}")?;
        if is_socket { write!(f, "?host={host}") } else { Ok(()) }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_all_but_the_password() {
        for (url, shown) in [
            ("//hookd@db.example.org/hookd", "postgresql://hookd@db.example.org/hookd"),
            ("//me:hunter2@db:6432", "postgresql://me@db:6432/me"),
            ("//me:hun%40ter2@[::1]:5432/a%20b", "postgresql://me@[::1]/a%20b"),
            ("//me@/hookd?host=/run/postgresql", "postgresql://me@/hookd?host=/run/postgresql"),
            ("//me@%2Frun%2Fpostgresql:6432/hookd", "postgresql://me@:6432/hookd?host=/run/postgresql"),
        ] {
            let read = PostgresUrl::parse(url).unwrap();
            assert_eq!(read.to_string(), shown);
            assert!(!format!("{read:?}").contains("hun"), "{read:?}");
            // What is shown is the same without the password.
            let again = PostgresUrl::parse(shown.strip_prefix("postgresql:").unwrap()).unwrap();
            assert_eq!(again, PostgresUrl { password: None, ..read });
        }
        assert_eq!(PostgresUrl::parse("//me:hun%40ter2@db").unwrap().password.unwrap(), b"hun@ter2");
    }

    #[test]
    fn says_what_is_wrong_without_showing_it() {
        for (url, message) in [
            ("hunter2", "`//` is missing after `postgresql:`"),
            ("//db/hookd", "the URL names no user, expected `postgresql://USER@HOST/DATABASE`"),
            (
                "//me:hunter2@/hookd",
                "the URL names no host, expected one: a name, an address, or `?host=FOLDER` for the folder of a Unix \
                 socket",
            ),
            ("//me:hunter2@db:0/hookd", "bad port, expected a number from 1 to 65535"),
            ("//me:hunter2@db:x/hookd", "bad port, expected a number from 1 to 65535"),
            ("//me@db/hookd?host=/run", "the host is there twice, before the database and as `host`"),
            ("//me@db/hookd?sslmode=require", "`sslmode` and `sslrootcert` are options of `[store]`, beside `url`"),
            ("//me@db/hookd?password=hunter2", "after `?` only `host=FOLDER` is possible, the folder of a Unix socket"),
            ("//me:%ff@db/hookd", "the URL is not UTF-8 once it is decoded"),
        ] {
            assert_eq!(PostgresUrl::parse(url).unwrap_err(), message);
        }
    }
}
