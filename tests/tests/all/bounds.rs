//! What a client can use up, measured from outside: one module for each kind of limit.

mod admin;
mod buffers;
mod connections;
mod early_answers;
mod followups;
mod nginx;
