-- G3: a new comment, returned.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

local query = "mutation($d:CommentsInput!){insertComments(data:$d){id postId body}}"

request = function()
  local user = any_user()
  return graphql(query, '{"d":{"postId":"' .. math.random(201, 9999) .. '","userId":"' .. user.id
    .. '","body":"a new comment from the load test"}}', user)
end

function is_right(body)
  return body:find('"insertComments"', 1, true) ~= nil and body:find("a new comment from the load test", 1, true) ~= nil
end
