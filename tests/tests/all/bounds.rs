//! What nobody gets around and nobody can use up, measured from outside: one module for each kind of bound.

mod addresses;
mod admin;
mod buffers;
mod connections;
mod early_answers;
mod files;
mod followups;
mod messages;
mod nginx;
mod passwords;
mod patterns;
mod payloads;
mod queue;
mod same_store;
