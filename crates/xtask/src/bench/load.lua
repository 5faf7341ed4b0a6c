-- The load of `cargo xtask bench`: GitHub pushes prepared in a file, each request with its own delivery id.
--
-- Arguments: the file of requests (HMAC-SHA1, HMAC-SHA256 and body on each line), the path, a seed that no earlier run
-- used. The work per request is the same for every server: an id, and three strings joined.

local format, random = string.format, math.random
local threads = 0

function setup(thread)
  thread:set("thread_number", threads)
  thread:set("thread_count", tonumber(os.getenv("WRK_THREADS")))
  -- Where there are two servers, each thread sends to one of them.
  local first, second = (os.getenv("WRK_PORTS") or ""):match("(%d+) (%d+)")
  if first then
    thread.addr = wrk.lookup("127.0.0.1", threads % 2 == 0 and first or second)[1]
  end
  threads = threads + 1
end

local head, rests, count, position

function init(args)
  local file, path, seed = args[1], args[2], tonumber(args[3])
  math.randomseed(seed + thread_number)
  head = "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nX-GitHub-Delivery: "
  rests = {}
  for line in io.lines(file) do
    local sha1, sha256, body = line:sub(1, 40), line:sub(42, 105), line:sub(107)
    rests[#rests + 1] = table.concat({
      "\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\nContent-Type: application/json\r\n",
      "X-GitHub-Event: push\r\nX-GitHub-Hook-ID: 292430182\r\n",
      "X-GitHub-Hook-Installation-Target-ID: 79929171\r\nX-GitHub-Hook-Installation-Target-Type: repository\r\n",
      "X-Hub-Signature: sha1=", sha1, "\r\nX-Hub-Signature-256: sha256=", sha256,
      "\r\nContent-Length: ", #body, "\r\n\r\n", body,
    })
  end
  count = #rests
  -- Each thread begins elsewhere, so that no two of them send the same push at the same time.
  position = math.floor(count * thread_number / thread_count)
end

function request()
  position = position % count + 1
  local id = format(
    "%08x-%04x-11f0-%04x-%06x%06x",
    random(0, 0x7fffffff), random(0, 0xffff), random(0, 0xffff), random(0, 0xffffff), random(0, 0xffffff)
  )
  return head .. id .. rests[position]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(format(
    '\nBENCH {"requests":%d,"microseconds":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,'
      .. '"p50":%d,"p90":%d,"p99":%d,"p999":%d,"max":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect, errors.read, errors.write, errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max
  ))
end
