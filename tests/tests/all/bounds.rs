//! What a client can use up, measured from outside: one module for each kind of limit.

mod buffers;
mod connections;
mod early_answers;
mod nginx;
mod payloads;
mod same_store;
