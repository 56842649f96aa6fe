-- G2: the 20 own posts, newest first, each with its author and its first five comments.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

local query = "query($u:UUID!){posts(filter:{userId_eq:$u},orderBy:[{createdAt:DESC}],limit:20){id title createdAt"
  .. " user{id name} comments(orderBy:[{id:ASC}],limit:5){id body}}}"

request = function()
  local user = any_user()
  return graphql(query, '{"u":"' .. user.id .. '"}', user)
end

function is_right(body)
  local _, rows = body:gsub('"createdAt"', "")
  local _, authors = body:gsub('"user" ?: ?{', "")
  return rows == 20 and authors == 20
end
