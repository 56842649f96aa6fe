-- R3: the 20 own posts, newest first, each with its author and its comments.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

request = function()
  local user = any_user()
  return get("/api/v1/tables/posts?select=id,title,created_at,author:users(id,name),comments(id,body)&user_id=eq."
    .. user.id .. "&order=created_at.desc&limit=20", user)
end

function is_right(body)
  local _, rows = body:gsub('"created_at"', "")
  local _, authors = body:gsub('"author" ?: ?{', "")
  return rows == 20 and authors == 20
end
