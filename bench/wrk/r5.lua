-- R5: a function that returns 1.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

request = function()
  return get("/rest/v1/rpc/ping", any_user())
end

function is_right(body)
  return body == "1"
end
