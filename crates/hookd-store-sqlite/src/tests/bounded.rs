//! The file stops growing where as much expires as comes in.

use super::*;

#[test]
fn the_file_does_not_grow_for_ever() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    let mut sizes = Vec::new();
    let mut number = 0_i64;
    // Each round stands for a minute, and what is kept for two.
    for round in 1..=12_i64 {
        let minute = round * 60_000_000;
        let replies: Vec<_> = (0..400)
            .map(|_| {
                number += 1;
                let name = format!("{number:040x}");
                // Texts that compress as badly as hashes do.
                let body: String = (0..20).map(|part| format!("{:016x}", key_of(&[number, part]))).collect();
                let delivery = NewDelivery {
                    received_at: Timestamp::from_micros(minute),
                    ..delivery(Some(&name), &body, accepted(&name))
                };
                store.append(delivery)
            })
            .collect();
        replies.into_iter().for_each(|reply| assert!(!reply.wait().unwrap().is_duplicate));
        let before = Some(Timestamp::from_micros(minute - 120_000_000));
        while store
            .expire(Expiry { payloads_before: before, changes_before: before, now: Timestamp::from_micros(minute) })
            .wait()
            .unwrap()
            .has_more
        {}
        checkpoint(&path);
        sizes.push(std::fs::metadata(&path).unwrap().len());
    }
    // What is there at once in the fourth round is there in every later one.
    let (settled, last) = (sizes[4], sizes[11]);
    assert!(last <= settled + settled / 10, "{sizes:?}");
    let stats = crate::maintenance::stats(&path).unwrap();
    assert!(stats.deliveries <= 1201 && stats.changes <= 1201, "{stats:?}");
    assert_eq!(crate::maintenance::check(&path).unwrap().problems, [""; 0]);
}

fn key_of(numbers: &[i64]) -> i64 {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    xxhash_rust::xxh3::xxh3_64(&bytes).cast_signed()
}

/// Writes the WAL back into the file, so that its size says something.
fn checkpoint(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
}
