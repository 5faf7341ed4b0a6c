-- The log: deliveries, their requests and changes, cursors, settlements, positions of pollers.
--
-- Times are microseconds since 1970. Texts are compared by their bytes, and are escaped: see `text.rs`.

-- What never changes: the name of this store, and the secret that its identities are made with.
CREATE TABLE hookd.store (
    instance text COLLATE "C" NOT NULL,
    identity_key bytea NOT NULL
);
INSERT INTO hookd.store
    SELECT left(max(random), 8), decode(string_agg(random, ''), 'hex')
    FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS random FROM generate_series(1, 12)) AS parts;

-- One row, which every transaction locks first: numbers follow the order of commits.
CREATE TABLE hookd.head (
    next_deliveryid bigint NOT NULL,
    next_changeid bigint NOT NULL,
    -- The last version that a cursor was given.
    cursor_version bigint NOT NULL,
    -- Requests of deliveries up to this one have expired, but for those that were pending then.
    requests_expired_to bigint NOT NULL
);
INSERT INTO hookd.head VALUES (1, 1, 0, 0);

-- The hookds that share the log.
CREATE TABLE hookd.replicas (
    -- Random, another one each time that one starts.
    replica bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    -- Its own count of its commits: tells whether one whose answer got lost took place.
    last_commit bigint NOT NULL,
    -- When it counts as dead, unless it says before that it is not.
    held_until timestamptz NOT NULL
);

-- Who does what one does at a time. A row stays, since epochs only grow.
CREATE TABLE hookd.leases (
    -- `sink NAME`, `poller NAME`, `expiry`.
    name text COLLATE "C" PRIMARY KEY,
    replica bigint NOT NULL,
    -- Grows when another replica takes it.
    epoch bigint NOT NULL,
    held_until timestamptz NOT NULL,
    -- How often somebody has asked for it to be done now.
    asked bigint NOT NULL DEFAULT 0
);

CREATE TABLE hookd.deliveries (
    deliveryid bigint PRIMARY KEY,
    received_at bigint NOT NULL,
    dialect text COLLATE "C" NOT NULL,
    event text COLLATE "C",
    forge_id text COLLATE "C",
    -- Of the last delivery of each identity, as long as it has changes or may get some.
    identity bytea UNIQUE,
    peer text COLLATE "C",
    username text COLLATE "C",
    is_verified boolean NOT NULL,
    key bigint,
    replay_of bigint,
    -- 0 pending, 1 accepted, 2 ignored, 3 refused.
    state smallint NOT NULL,
    -- Whether it was pending when it was received.
    was_pending boolean NOT NULL,
    reported_changes bigint NOT NULL,
    reason text COLLATE "C",
    first_changeid bigint,
    change_count bigint NOT NULL,
    size bigint NOT NULL,
    -- Calls to the forge's API, once they are over.
    calls_made bigint,
    calls_failed bigint,
    calls_error text COLLATE "C",
    -- What a search looks through, in lower case.
    words text COLLATE "C" NOT NULL
);
CREATE INDEX deliveries_forge_id ON hookd.deliveries (left(forge_id, 64)) WHERE forge_id IS NOT NULL;

-- Head and body, compressed by zstd; `length` bytes when they are decompressed.
CREATE TABLE hookd.requests (
    deliveryid bigint PRIMARY KEY,
    length bigint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE hookd.requests ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE hookd.changes (
    changeid bigint PRIMARY KEY,
    deliveryid bigint NOT NULL,
    received_at bigint NOT NULL,
    dialect text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    branch text COLLATE "C",
    category text COLLATE "C",
    codebase text COLLATE "C" NOT NULL,
    comments text COLLATE "C" NOT NULL,
    committer text COLLATE "C",
    -- JSON.
    files text COLLATE "C" NOT NULL,
    project text COLLATE "C" NOT NULL,
    -- JSON.
    properties text COLLATE "C" NOT NULL,
    repository text COLLATE "C" NOT NULL,
    revision text COLLATE "C",
    revlink text COLLATE "C",
    src text COLLATE "C",
    when_timestamp bigint NOT NULL
);
CREATE INDEX changes_revision ON hookd.changes (left(revision, 64)) WHERE revision IS NOT NULL;

CREATE TABLE hookd.pending (
    deliveryid bigint PRIMARY KEY,
    dialect text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    attempts bigint NOT NULL,
    next_at bigint NOT NULL,
    error text COLLATE "C",
    repository text COLLATE "C" NOT NULL,
    branch text COLLATE "C",
    revision text COLLATE "C",
    -- Who completes it, and whether another one has received it.
    replica bigint NOT NULL,
    was_handed_over boolean NOT NULL
);

CREATE TABLE hookd.cursors (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    position bigint NOT NULL,
    done bigint[] NOT NULL,
    state bytea NOT NULL
);

CREATE TABLE hookd.settlements (
    changeid bigint NOT NULL,
    cursor text COLLATE "C" NOT NULL,
    settled_at bigint NOT NULL,
    -- 0 delivered, 1 filtered, 2 dead, 3 requeued.
    kind smallint NOT NULL,
    attempts bigint NOT NULL,
    answer text COLLATE "C" NOT NULL,
    PRIMARY KEY (changeid, cursor)
);
CREATE INDEX settlements_kind ON hookd.settlements (cursor, kind, changeid);

CREATE TABLE hookd.pollers (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    polled_at bigint NOT NULL,
    changed_at bigint
);

-- Keys are longer than a btree takes. That each is there once is ensured by whoever writes, with the head locked.
CREATE TABLE hookd.positions (
    poller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    position text COLLATE "C" NOT NULL
);
CREATE INDEX positions_poller ON hookd.positions (poller);
CREATE INDEX positions_key ON hookd.positions USING hash (key);
