-- wrk: durable writes of 1 KiB, each to the next of many things.
local things = tonumber(os.getenv("THINGS")) or 640
local headers = {
  ["content-type"] = "application/json",
  ["authorization"] = "Bearer " .. (os.getenv("CREDENTIAL") or ""),
}
local filler = string.rep("x", 960)
local number = 0

request = function()
  number = number + 1
  local path = "/api/2/things/bench:t" .. (number % things) .. "/attributes/x"
  return wrk.format("PUT", path, headers, '"' .. filler .. number .. '"')
end

done = dofile("benches/refused.lua")
