-- G1: three fields of one own post, by key.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

local query = "query($id:BigInt!){post(id:$id){id title createdAt}}"

request = function()
  local user = any_user()
  return graphql(query, '{"id":"' .. (user.number + 10000 * math.random(0, 19)) .. '"}', user)
end

function is_right(body)
  return body:find('"createdAt"', 1, true) ~= nil
end
