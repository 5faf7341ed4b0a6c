//! Changes inputs at random, in the terms of what they are: bytes, JSON, a message.

pub mod bytes;
pub mod json;
pub mod message;
