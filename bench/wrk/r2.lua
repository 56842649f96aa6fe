-- R2: the 20 own posts, newest first.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

request = function()
  local user = any_user()
  return get("/api/v1/tables/posts?user_id=eq." .. user.id .. "&order=created_at.desc&limit=20", user)
end

function is_right(body)
  local _, rows = body:gsub('"created_at"', "")
  return rows == 20
end
