//! hookd-store
