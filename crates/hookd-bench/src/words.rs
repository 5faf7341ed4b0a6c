//! The words for names, paths and messages. Formatted by hand, since one word per line is hard to read.

use fastrand::Rng;

#[rustfmt::skip]
pub(crate) const GIVEN: &[&str] = &[
    "Ada", "Agnes", "Alan", "Aldo", "Amara", "Amir", "Anja", "Anton", "Aoife", "Arjun", "Astrid", "Ayse", "Bao",
    "Barbara", "Bela", "Birgit", "Bogdan", "Bram", "Camila", "Carlos", "Chidi", "Chiara", "Claire", "Dagny",
    "Daichi", "Dario", "Deniz", "Diego", "Dmitri", "Edith", "Eero", "Ekua", "Elif", "Emeka", "Enzo", "Erik",
    "Esther", "Fatima", "Felix", "Fiona", "Frida", "Gabor", "Gita", "Grace", "Gudrun", "Hana", "Haruto", "Hedy",
    "Henrik", "Hiro", "Ida", "Igor", "Ilse", "Imani", "Ines", "Ivo", "Jaana", "Jakub", "Jelena", "João", "José",
    "Jun", "Kaja", "Karim", "Katja", "Kenji", "Kwame", "Lars", "Leila", "Linus", "Lucía", "Maja", "Malik", "Marek",
    "Mei", "Miguel", "Mila", "Nadia", "Nils", "Noor", "Olga", "Omar", "Paavo", "Petra", "Priya", "Quentin", "Radia",
    "Rafael", "Rosa", "Ruth", "Sanjay", "Saoirse", "Selma", "Sofia", "Søren", "Tadeusz", "Tariq", "Thandi", "Tomás",
    "Uma", "Vera", "Viktor", "Wanda", "Wei", "Xavier", "Yara", "Yusuf", "Zainab", "Zofia", "Zoltán",
];

#[rustfmt::skip]
pub(crate) const FAMILY: &[&str] = &[
    "Abara", "Achterberg", "Adeyemi", "Almeida", "Andersson", "Aoki", "Bakker", "Balogh", "Banerjee", "Barros",
    "Bauer", "Bergström", "Bianchi", "Bondarenko", "Bouchard", "Brandt", "Byrne", "Castellanos", "Chaudhry",
    "Cohen", "Costa", "Csonka", "Dahl", "Danjuma", "Desai", "Dubois", "Dvořák", "Eklund", "Eriksen", "Farouk",
    "Ferrari", "Fischer", "Fujimoto", "Gallagher", "García", "Ghosh", "Grünwald", "Gutiérrez", "Haddad", "Hakala",
    "Halvorsen", "Hashimoto", "Hoffmann", "Horvat", "Hughes", "Ivanova", "Iyer", "Jankowski", "Jensen", "Kariuki",
    "Kaya", "Keller", "Kimura", "Kovacs", "Kowalska", "Kruger", "Kuznetsov", "Lambert", "Larsen", "Lefebvre",
    "Lindqvist", "Maier", "Marchetti", "Mbeki", "Mendoza", "Meyer", "Moreau", "Mukherjee", "Murphy", "Nakamura",
    "Navarro", "Ndiaye", "Nguyen", "Novak", "Nowak", "O'Brien", "Okafor", "Olsen", "Oyelaran", "Papadakis", "Park",
    "Patel", "Pereira", "Petrov", "Popescu", "Quispe", "Rahman", "Ramírez", "Reyes", "Ribeiro", "Rossi", "Saito",
    "Salazar", "Santos", "Sato", "Schneider", "Sharma", "Silva", "Sokolov", "Suzuki", "Svensson", "Tanaka", "Tran",
    "Turan", "Uchida", "Vargas", "Vasquez", "Virtanen", "Vogel", "Wagner", "Weber", "Wójcik", "Yamamoto", "Yilmaz",
    "Zhang", "Zimmermann",
];

#[rustfmt::skip]
pub(crate) const VERBS: &[&str] = &[
    "Add", "Allow", "Avoid", "Bump", "Cache", "Check", "Clean up", "Collect", "Compare", "Count", "Defer", "Delete",
    "Deprecate", "Detect", "Disable", "Document", "Drop", "Enable", "Ensure", "Expose", "Extract", "Fix", "Forward",
    "Guard", "Handle", "Ignore", "Implement", "Improve", "Inline", "Keep", "Limit", "Load", "Log", "Measure",
    "Merge", "Move", "Normalize", "Parse", "Pin", "Prefer", "Prevent", "Rebuild", "Reduce", "Refactor", "Reject",
    "Remove", "Rename", "Replace", "Report", "Restore", "Retry", "Return", "Reuse", "Revert", "Rework", "Sanitize",
    "Simplify", "Skip", "Sort", "Split", "Stop", "Support", "Test", "Track", "Trim", "Tweak", "Unify", "Update",
    "Upgrade", "Use", "Validate", "Wait for", "Warn about", "Wrap", "Write",
];

#[rustfmt::skip]
pub(crate) const ADJECTIVES: &[&str] = &[
    "absolute", "active", "ambiguous", "async", "atomic", "bad", "binary", "broken", "cached", "circular", "cold",
    "compressed", "concurrent", "custom", "dangling", "default", "deprecated", "duplicate", "dynamic", "early",
    "empty", "encrypted", "expired", "explicit", "external", "fast", "final", "flaky", "foreign", "global",
    "hidden", "idle", "implicit", "incremental", "initial", "internal", "invalid", "large", "lazy", "legacy",
    "local", "long", "lost", "malformed", "missing", "mutable", "native", "nested", "new", "obsolete", "old",
    "optional", "orphaned", "partial", "pending", "portable", "private", "public", "random", "raw", "recursive",
    "redundant", "relative", "remote", "safe", "shared", "short", "signed", "slow", "spurious", "stale", "static",
    "strict", "temporary", "trailing", "unknown", "unused", "upstream", "virtual", "weak",
];

#[rustfmt::skip]
pub(crate) const NOUNS: &[&str] = &[
    "account", "adapter", "address", "agent", "alert", "alias", "allocator", "archive", "argument", "artifact",
    "attribute", "backend", "badge", "balance", "batch", "benchmark", "bitmap", "branch", "broker", "bucket",
    "buffer", "bundle", "button", "cache", "calendar", "callback", "catalog", "certificate", "channel", "chart",
    "checkout", "checksum", "chunk", "client", "clock", "cluster", "codec", "column", "command", "compiler",
    "config", "connection", "console", "container", "context", "cookie", "counter", "cron job", "currency",
    "cursor", "dashboard", "database", "decoder", "dependency", "dialog", "digest", "directory", "document",
    "domain", "driver", "editor", "encoder", "endpoint", "engine", "entry", "error", "event", "exporter",
    "extension", "feature flag", "field", "filter", "fixture", "font", "footer", "form", "format", "frame",
    "gateway", "graph", "grid", "handler", "hash", "header", "heap", "histogram", "hook", "icon", "image",
    "importer", "index", "installer", "interface", "invoice", "iterator", "job", "journal", "kernel", "key",
    "keyboard", "label", "layer", "layout", "lease", "library", "license", "linker", "listener", "loader", "locale",
    "lock", "logger", "loop", "manifest", "mapping", "matrix", "menu", "message", "metric", "middleware",
    "migration", "mirror", "mock", "model", "module", "monitor", "namespace", "network", "node", "notification",
    "object", "offset", "option", "order", "packet", "page", "pagination", "panel", "parser", "partition",
    "password", "patch", "path", "payload", "permission", "pipeline", "plugin", "pointer", "policy", "pool", "port",
    "prefix", "preview", "process", "profile", "prompt", "proxy", "query", "queue", "quota", "reader", "record",
    "redirect", "region", "registry", "release", "renderer", "replica", "report", "request", "resolver", "resource",
    "response", "role", "route", "router", "row", "runner", "runtime", "sample", "scheduler", "schema", "scope",
    "script", "search", "segment", "selector", "serializer", "session", "setting", "shader", "shard", "sidebar",
    "signal", "snapshot", "socket", "sorter", "span", "stack", "status", "storage", "stream", "subscription",
    "symbol", "syntax", "table", "tag", "target", "task", "template", "tenant", "terminal", "theme", "thread",
    "threshold", "thumbnail", "ticket", "timeout", "timer", "token", "toolbar", "topic", "tracker", "transaction",
    "translation", "tree", "trigger", "tunnel", "type", "upload", "user", "validator", "variable", "vector",
    "version", "view", "volume", "warning", "watcher", "webhook", "widget", "window", "worker", "workspace",
    "wrapper", "writer", "zone",
];

/// Connects two noun phrases of a sentence.
#[rustfmt::skip]
pub(crate) const JOINTS: &[&str] = &[
    "after", "and", "as well as", "before", "behind", "beside", "between each", "by way of", "during",
    "even without", "for every", "from", "in", "in favour of", "inside", "instead of", "next to", "of", "on",
    "only with", "per", "to", "under", "unless there is", "until", "when", "whenever it meets", "where it precedes",
    "while building", "with", "without",
];

#[rustfmt::skip]
pub(crate) const OPENINGS: &[&str] = &[
    "Previously we relied on", "This is needed by", "The old code assumed", "Found while debugging",
    "As discussed in", "It turned out that", "Without this,", "This makes it possible to drop",
    "There was no test for", "Users have complained about", "Note that this changes", "A follow-up will remove",
    "See also the notes on", "Because of", "The new behaviour matches", "On large installations", "We now wait for",
    "In rare cases", "The benchmark shows less time spent in", "Nothing outside this module used",
    "To reproduce, start with", "The fix is to check", "Reported on the mailing list together with", "Ported from",
    "Half of the time went into",
];

#[rustfmt::skip]
pub(crate) const FOLDERS: &[&str] = &[
    "api", "app", "assets", "auth", "bench", "bindings", "build", "ci", "cli", "client", "cmd", "common",
    "components", "config", "core", "crypto", "data", "db", "deploy", "docs", "driver", "engine", "examples",
    "features", "fixtures", "frontend", "fs", "gateway", "hooks", "i18n", "include", "integration", "internal",
    "io", "jobs", "lib", "locales", "mail", "migrations", "models", "net", "packages", "parser", "platform",
    "plugins", "proto", "queue", "render", "resources", "runtime", "schema", "scripts", "server", "services",
    "shared", "src", "storage", "support", "templates", "test", "tests", "tools", "ui", "unit", "vendor", "views",
    "web", "worker",
];

/// A language as GitHub names it, and its file extension.
#[rustfmt::skip]
pub(crate) const LANGUAGES: &[(&str, &str)] = &[
    ("C", "c"), ("C++", "cpp"), ("C#", "cs"), ("Clojure", "clj"), ("Elixir", "ex"), ("Go", "go"), ("Haskell", "hs"),
    ("Java", "java"), ("JavaScript", "js"), ("Kotlin", "kt"), ("PHP", "php"), ("Perl", "pm"), ("Python", "py"),
    ("Ruby", "rb"), ("Rust", "rs"), ("Scala", "scala"), ("Swift", "swift"), ("TypeScript", "ts"), ("Vue", "vue"),
    ("Zig", "zig"),
];

/// Extensions of files that occur with every language.
#[rustfmt::skip]
pub(crate) const OTHER_ENDINGS: &[&str] = &[
    "json", "md", "sh", "sql", "svg", "toml", "txt", "yaml", "yml",
];

/// A random item.
pub(crate) fn one<'w, T>(rng: &mut Rng, words: &'w [T]) -> &'w T {
    &words[rng.usize(..words.len())]
}

/// Random hexadecimal digits.
pub(crate) fn hex(rng: &mut Rng, digits: usize) -> String {
    (0..digits).map(|_| char::from(b"0123456789abcdef"[rng.usize(..16)])).collect()
}

/// Random characters of base64, as in GitHub's node ids.
pub(crate) fn base64(rng: &mut Rng, count: usize) -> String {
    (0..count).map(|_| if rng.u8(..32) == 0 { '_' } else { rng.alphanumeric() }).collect()
}
