-- wrk: reads of one thing after the other, far apart, so that what is in memory matters; of one path if told.
local things = tonumber(os.getenv("THINGS")) or 640
local one = os.getenv("ONE_PATH")
local requests = {}
local number = 0

-- Made before the clock runs: making them costs as much as answering them.
init = function()
  local headers = { ["authorization"] = "Bearer " .. (os.getenv("CREDENTIAL") or "") }
  if one then
    things = 1
    requests[1] = wrk.format("GET", one, headers)
    return
  end
  for each = 1, things do
    requests[each] = wrk.format("GET", "/api/2/things/bench:t" .. each - 1, headers)
  end
end

request = function()
  number = (number + 7919) % things
  return requests[number + 1]
end

done = dofile("benches/refused.lua")
