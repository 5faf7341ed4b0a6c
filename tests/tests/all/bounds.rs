//! What nobody gets around and nobody can use up, measured from outside: one module for each kind of bound.

mod addresses;
mod files;
mod messages;
mod passwords;
mod patterns;
