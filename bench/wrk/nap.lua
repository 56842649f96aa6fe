-- A query of 50 ms, beside which others are measured.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

request = function()
  return get("/rest/v1/rpc/nap", any_user())
end

function is_right(body)
  return body == "1"
end
