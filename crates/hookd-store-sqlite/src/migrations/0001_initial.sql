-- The log: deliveries, what came of them, and the requests as they were received.

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
    -- Both are compressed (zstd), with a hash (XXH3, 64 bits) of the compressed bytes behind them.
    records BLOB NOT NULL,             -- MessagePack: the deliveries, then the changes
    requests BLOB                      -- heads (MessagePack) and bodies; null when they are no longer kept
);

-- Deliveries that wait for a forge's API.
CREATE TABLE pending (
    deliveryid INTEGER PRIMARY KEY,
    dialect TEXT NOT NULL,
    received_at INTEGER NOT NULL,      -- microseconds since 1970
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL           -- microseconds since 1970
);

-- What became of deliveries that were pending when they were stored.
CREATE TABLE outcomes (
    deliveryid INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,            -- 1 accepted, 2 ignored, 3 refused
    reason TEXT,
    first_changeid INTEGER,
    change_count INTEGER NOT NULL
);

-- Blocks that kept their requests, when it was their time, because of a delivery that was pending.
CREATE TABLE held_blocks (
    blockid INTEGER PRIMARY KEY
);

-- Where things are: sorted runs of hashes and the numbers that they stand for.
CREATE TABLE key_runs (
    runid INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,             -- 0 deliveries by forge id, 1 changes by revision, 2 changes by what they follow
    last_id INTEGER NOT NULL,          -- the last delivery or change when the run was made
    filterid INTEGER                   -- of deliveries: its filter, which runs that follow each other share
);

-- Filters tell at once of most hashes that they are in none of their runs.
CREATE TABLE key_filters (
    filterid INTEGER PRIMARY KEY,
    key_count INTEGER NOT NULL,        -- how many hashes were added to it
    filter BLOB NOT NULL
);

-- The hashes of a run by their highest bits.
CREATE TABLE key_chunks (
    chunkid INTEGER PRIMARY KEY,       -- the number of the run, then those bits
    data BLOB NOT NULL                 -- sorted: the next six bytes of the hash, and how far the number is from last_id
);

-- The hashes of blocks that are in no run yet. They are in memory as well: this is for the next start.
CREATE TABLE key_tail (
    blockid INTEGER PRIMARY KEY,
    first_deliveryid INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    first_changeid INTEGER NOT NULL,
    data BLOB NOT NULL                 -- of each delivery one hash, of each change two; 0 is none
);
