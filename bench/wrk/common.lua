-- What the workloads share: a random user per request, the result line, and the check of every answer.
users = dofile(os.getenv("BENCH_TOKENS"))
math.randomseed(os.time())

function any_user() return users[math.random(#users)] end

function get(path, user)
  return wrk.format("GET", path, { ["Authorization"] = "Bearer " .. user.token, ["Host"] = "127.0.0.1" })
end

function graphql(query, variables, user)
  return wrk.format("POST", "/api/v1/graphql",
    { ["Authorization"] = "Bearer " .. user.token, ["Content-Type"] = "application/json", ["Host"] = "127.0.0.1" },
    '{"query":"' .. query .. '","variables":' .. variables .. '}')
end

-- Looking into every answer costs the load generator more than sending the request, so timed runs only
-- count statuses and bytes; a run of its own, with BENCH_CHECK set, applies the workload's is_right().
local threads = {}
expected_status = 200
wrong, right, sample = 0, 0, ""

function setup(thread) table.insert(threads, thread) end

function init()
  if os.getenv("BENCH_CHECK") then
    response = function(status, _, body)
      if status == expected_status and is_right(body) then
        right = right + 1
      else
        wrong = wrong + 1
        sample = status .. " " .. body:sub(1, 300):gsub("%s+", " ")
      end
    end
  end
end

function done(summary, latency)
  local wrongs, rights, seen = 0, 0, ""
  for _, thread in ipairs(threads) do
    wrongs = wrongs + thread:get("wrong")
    rights = rights + thread:get("right")
    if thread:get("sample") ~= "" then seen = thread:get("sample") end
  end
  local e = summary.errors
  io.write(string.format(
    "\nRESULT requests=%d microseconds=%d p50=%d p99=%d bytes=%d failed=%d bad_status=%d wrong=%d right=%d sample=%s\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    e.connect + e.read + e.write + e.timeout, e.status, wrongs, rights, seen))
end
