//! The end-to-end tests, one module for each behaviour.

mod allow_from;
mod api_retries;
mod auth;
mod bounds;
mod buildbot_sink;
mod config_errors;
mod conformance;
mod curl;
mod deduplication;
mod faults;
mod hostile_bodies;
mod hostile_connections;
mod hostile_flood;
mod overload;
mod push;
mod raw;
mod refusals;
mod reload;
mod reload_under_load;
mod reload_ways;
mod shutdown;
mod shutdown_connections;
mod store_commands;
mod tls;
mod torture;
mod whole;
