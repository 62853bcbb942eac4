-- Sends the requests of a sheet in turn. Each stands in it as its length on a line and then its bytes.
-- The sheet is a file, and its name an environment variable, because the requests carry a key.
local requests, at = {}, 0

function init(_)
  local sheet = assert(io.open(os.getenv("PULSEOPS_BENCH_REQUESTS"), "rb"))
  while true do
    local size = sheet:read("*n")
    if size == nil then break end
    sheet:read(1)
    requests[#requests + 1] = sheet:read(size)
  end
  sheet:close()
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"answered":%d,"refused":%d,"broken":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
