//! File descriptors: each connection takes one, and the system allows only so many.

/// What hookd needs besides connections: listeners, the store and those who read from it, calls to APIs, logs.
const OTHERS: usize = 128;

/// Raises the limit on file descriptors (`ulimit -n`) as far as the system lets it, and gives how many connections of
/// the public listener are possible then: `wanted`, or as many as fit beside `private` ones.
pub(crate) fn allow(wanted: usize, private: usize) -> usize {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!("the limit on open files cannot be read or raised: {error}");
            return wanted;
        }
    };
    let possible = fitting(limit, private);
    if possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            limit,
            "the limit on open files allows fewer connections than `max_connections` of `[server]`: raise it \
             (`ulimit -Hn`, `LimitNOFILE` of systemd), or lower the option"
        );
    }
    wanted.min(possible)
}

/// How many connections fit below a limit; always some, so that hookd is of use.
fn fitting(limit: usize, private: usize) -> usize {
    limit.saturating_sub(private + OTHERS).max(limit / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_room_for_what_else_is_open() {
        assert_eq!(fitting(20_000, 256), 20_000 - 256 - 128);
        assert_eq!(fitting(256, 256), 128);
        assert_eq!(fitting(0, 256), 1);
    }
}
