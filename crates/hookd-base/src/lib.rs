//! hookd-base
