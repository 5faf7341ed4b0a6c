-- The log: deliveries, what came of them, and the requests as they were received.

-- Facts about this store, such as its instance id.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Requests, many to a block: zstd of heads (JSON) and bodies, one after the other.
CREATE TABLE payload_blocks (
    blockid INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

CREATE TABLE deliveries (
    deliveryid INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,     -- microseconds since 1970
    dialect TEXT NOT NULL,
    forge_id TEXT,
    event TEXT,
    state INTEGER NOT NULL,           -- 0 pending, 1 accepted, 2 ignored, 3 refused
    reason TEXT,
    told INTEGER NOT NULL,            -- how many changes the sender was told of
    first_changeid INTEGER,           -- the changes of a delivery have consecutive numbers
    change_count INTEGER NOT NULL,
    blockid INTEGER,                  -- null when the request is no longer kept
    block_offset INTEGER NOT NULL,
    head_length INTEGER NOT NULL,
    body_length INTEGER NOT NULL,
    body_hash INTEGER NOT NULL        -- xxh3
);

-- Deliveries by the xxh3 of their forge id, for finding what was delivered before.
CREATE TABLE forge_ids (
    key INTEGER NOT NULL,
    deliveryid INTEGER NOT NULL,
    PRIMARY KEY (key, deliveryid)
) WITHOUT ROWID;

-- Deliveries that wait for a forge's API.
CREATE TABLE pending (
    deliveryid INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL          -- microseconds since 1970
);

CREATE TABLE changes (
    changeid INTEGER PRIMARY KEY,
    deliveryid INTEGER NOT NULL,
    received_at INTEGER NOT NULL,     -- of the delivery
    parent_changeid INTEGER,
    author TEXT NOT NULL,
    branch TEXT,
    category TEXT,
    codebase TEXT NOT NULL,
    comments TEXT NOT NULL,
    committer TEXT,
    files TEXT NOT NULL,              -- JSON
    project TEXT NOT NULL,
    properties TEXT NOT NULL,         -- JSON
    repository TEXT NOT NULL,
    revision TEXT,
    revlink TEXT,
    src TEXT,
    when_timestamp INTEGER NOT NULL   -- seconds since 1970
);

-- Changes by the xxh3 of their revision, for "where is my commit".
CREATE TABLE revisions (
    key INTEGER NOT NULL,
    changeid INTEGER NOT NULL,
    PRIMARY KEY (key, changeid)
) WITHOUT ROWID;

-- The last change of each branch, repository, project and codebase, by the xxh3 of the four.
CREATE TABLE heads (
    key INTEGER PRIMARY KEY,
    changeid INTEGER NOT NULL
);
