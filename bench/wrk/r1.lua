-- R1: one own post by its key.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

request = function()
  local user = any_user()
  return get("/api/v1/tables/posts?id=eq." .. (user.number + 10000 * math.random(0, 19)), user)
end

function is_right(body)
  local _, rows = body:gsub('"created_at"', "")
  return rows == 1
end
