-- The log of deliveries and changes, and what leads to them.

-- Facts about this store, such as its instance id.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The log itself. What one transaction stores is one block, or a few; their numbers have no gaps, and neither have
-- those of the deliveries and changes in them.
CREATE TABLE blocks (
    blockid INTEGER PRIMARY KEY,
    first_deliveryid INTEGER NOT NULL, -- the next one, where the block has none
    delivery_count INTEGER NOT NULL,
    first_changeid INTEGER NOT NULL,   -- the next one, where the block has none
    change_count INTEGER NOT NULL,
    received_at INTEGER NOT NULL,      -- of the youngest in it; microseconds since 1970
    -- The layout of both parts is in src/format/block.rs.
    records BLOB NOT NULL,             -- the deliveries, then the changes
    request_count INTEGER NOT NULL,    -- how many requests are kept
    requests BLOB                      -- null when there are none, or they are no longer kept
);

-- Deliveries that wait for a forge's API.
CREATE TABLE pending (
    deliveryid INTEGER PRIMARY KEY,
    dialect TEXT NOT NULL,
    received_at INTEGER NOT NULL,      -- microseconds since 1970
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,          -- microseconds since 1970
    error TEXT,                        -- why the last attempt failed
    repository TEXT NOT NULL,          -- what the delivery is about
    branch TEXT,
    revision TEXT
);

-- The results of deliveries that were pending when they were stored.
CREATE TABLE outcomes (
    deliveryid INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,            -- 1 accepted, 2 ignored, 3 refused
    reason TEXT,
    first_changeid INTEGER,
    change_count INTEGER NOT NULL,
    calls_made INTEGER NOT NULL,       -- to the forge's API
    calls_failed INTEGER NOT NULL,
    last_error TEXT                    -- of these
);

-- Of these, those that are in no segment of the text index yet.
CREATE TABLE unindexed_outcomes (
    deliveryid INTEGER PRIMARY KEY
);

-- The text index: the different texts of a part of the log, and which deliveries and changes have them.
CREATE TABLE text_segments (
    first_blockid INTEGER PRIMARY KEY,
    next_blockid INTEGER NOT NULL,     -- the block after the last of it
    first_deliveryid INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    first_changeid INTEGER NOT NULL,
    change_count INTEGER NOT NULL,
    -- The layout of both is in src/format/segment.rs.
    texts BLOB NOT NULL,
    columns BLOB NOT NULL
);

-- How far each reader of the log has come.
CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,         -- the last change up to which all are done
    done BLOB NOT NULL,                -- changes beyond it that are done: the distance of each from the one before
    state BLOB NOT NULL                -- the reader's own
);

-- The pollers that have polled.
CREATE TABLE pollers (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,          -- one more with each move of its positions
    polled_at INTEGER NOT NULL,        -- microseconds since 1970
    changed_at INTEGER                 -- the last poll that found changes
) WITHOUT ROWID;

-- How far each of them has read what it polls.
CREATE TABLE positions (
    poller TEXT NOT NULL,
    key TEXT NOT NULL,
    position TEXT NOT NULL,
    PRIMARY KEY (poller, key)
) WITHOUT ROWID;

-- How changes ended at the readers of the log: each is in one of these two tables. Here are those that wait for an operator or
-- for the reader, a few of many.
CREATE TABLE waiting_settlements (
    cursor TEXT NOT NULL,
    changeid INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,       -- microseconds since 1970
    kind INTEGER NOT NULL,             -- 0 dead, 1 requeued
    attempts INTEGER NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (cursor, changeid)
) WITHOUT ROWID;

CREATE INDEX waiting_settlements_by_kind ON waiting_settlements (cursor, kind, changeid);

-- Here are those that were delivered or filtered, as many in a row as one move of the cursor settled.
CREATE TABLE settlement_runs (
    cursor TEXT NOT NULL,
    last_changeid INTEGER NOT NULL,    -- less than 1024 beyond the first; runs of a cursor may overlap
    first_changeid INTEGER NOT NULL,
    delivered_count INTEGER NOT NULL,
    filtered_count INTEGER NOT NULL,
    data BLOB NOT NULL,                -- the layout is in src/format/settlements.rs
    PRIMARY KEY (cursor, last_changeid)
) WITHOUT ROWID;

-- Blocks that kept their requests when these expired, because of a delivery that was pending.
CREATE TABLE held_blocks (
    blockid INTEGER PRIMARY KEY
);

-- The index: sorted runs of hashes and the numbers that they stand for.
CREATE TABLE key_runs (
    runid INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,             -- 0 deliveries by identity, 1 changes by revision, 2 deliveries by forge id
    last_id INTEGER NOT NULL,          -- the last delivery or change when the run was made
    distance_bytes INTEGER NOT NULL,   -- how many bytes the numbers in its chunks take
    filterid INTEGER                   -- of identities: its Bloom filter, which consecutive runs share
);

-- Bloom filters: of most hashes they say at once that they are in none of their runs.
CREATE TABLE key_filters (
    filterid INTEGER PRIMARY KEY,
    key_count INTEGER NOT NULL,        -- how many hashes were added to it
    filter BLOB NOT NULL
);

-- The hashes of a run by their highest bits.
CREATE TABLE key_chunks (
    chunkid INTEGER PRIMARY KEY,       -- the number of the run, then those bits
    data BLOB NOT NULL                 -- sorted: the next six bytes of the hash, and how far the number is before last_id
);

-- The hashes of blocks that are in no run yet. They are in memory as well: this is for the next start.
CREATE TABLE recent_keys (
    blockid INTEGER PRIMARY KEY,
    first_deliveryid INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    first_changeid INTEGER NOT NULL,
    data BLOB NOT NULL                 -- of each delivery two hashes, of each change one; 0 is none
);
