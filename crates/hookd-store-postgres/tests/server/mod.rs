//! The PostgreSQL that the tests of this crate use.

use hookd_store_postgres::{Options, Protection};
use hookd_tests::Postgres;
use hookd_tests::postgres::USER;

/// An empty database of the shared cluster.
pub(crate) fn new_database() -> Options {
    let cluster = Postgres::shared();
    options(cluster, &cluster.new_database())
}

/// How to reach a database of a cluster.
pub(crate) fn options(cluster: &Postgres, database: &str) -> Options {
    Options {
        host: cluster.host(),
        port: cluster.port(),
        user: USER.to_owned(),
        password: None,
        database: database.to_owned(),
        protection: Protection::Plain,
        root_certificates: None,
        lease: Options::LEASE,
    }
}
