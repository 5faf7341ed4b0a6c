//! hookd-github
