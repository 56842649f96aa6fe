-- R4: a new comment, returned.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

expected_status = 201

request = function()
  local user = any_user()
  return wrk.format("POST", "/api/v1/tables/comments",
    { ["Authorization"] = "Bearer " .. user.token, ["Content-Type"] = "application/json", ["Host"] = "127.0.0.1" },
    '{"post_id":' .. math.random(201, 9999) .. ',"user_id":"' .. user.id .. '","body":"a new comment from the load test"}')
end

function is_right(body)
  return body:find("a new comment from the load test", 1, true) ~= nil
end
