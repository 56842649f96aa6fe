-- R1 at BENCH_RATE requests a second, whatever an answer takes: each connection is given the next free moment.
dofile(os.getenv("BENCH_DIR") .. "/wrk/r1.lua")

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, microseconds; } moment; int gettimeofday(moment *, void *);")
local now = ffi.new("moment")
local between, due = 1000 / tonumber(os.getenv("BENCH_RATE")), 0

function delay()
  ffi.C.gettimeofday(now, nil)
  local milliseconds = tonumber(now.seconds) * 1000 + tonumber(now.microseconds) / 1000
  -- No more than 20 ms are caught up with: a burst would measure itself.
  due = math.max(due + between, milliseconds - 20)
  -- wrk waits whole milliseconds; rounding by chance keeps the rate.
  return math.max(0, math.floor(due - milliseconds + math.random()))
end
