-- Signing in: a user by chance, the password all of them have.
dofile(os.getenv("BENCH_DIR") .. "/wrk/common.lua")

request = function()
  return wrk.format("POST", "/api/v1/auth/signin",
    { ["Content-Type"] = "application/json", ["Host"] = "127.0.0.1" },
    '{"email":"user' .. any_user().number .. '@example.test","password":"' .. os.getenv("BENCH_PASSWORD") .. '"}')
end

function is_right(body) return body:find('"access_token"', 1, true) ~= nil end
