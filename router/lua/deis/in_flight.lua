-- How many requests are under way on each endpoint, over all workers and also those of before a reload: the count stands in shared
-- memory. An endpoint that was removed while some were under way is *draining* until the last of them has ended.
--
-- Shared memory holds what each worker has *reserved*, which is never less than what it has under way: a worker reserves when it has
-- more under way than before, and gives all of it back soon after it has none. So a busy endpoint costs no look at shared memory, and
-- a count of zero says for sure that nothing is under way. For an endpoint that may have been removed every end is told at once.
local json = require "deis.json"

local timer_at = ngx.timer.at
local counts, draining = ngx.shared.deis_in_flight, ngx.shared.deis_draining
local flights = setmetatable({}, { __mode = "v" })
local soon = 0.02
-- Flights that have come to rest and still have a reservation, until the timer looks at them.
local resting, rests, scheduled = {}, 0, false
local M = {}

-- What this worker has under way on an address: { address, here, reserved, resting }. Whoever sends requests there keeps it.
function M.of(address)
  local flight = flights[address]
  if not flight then
    flight = { address = address, here = 0, reserved = 0, resting = false }
    flights[address] = flight
  end
  return flight
end

function M.add(flight)
  local here = flight.here + 1
  flight.here = here
  if here > flight.reserved then
    flight.reserved = here
    counts:incr(flight.address, 1, 0)
  end
end

-- A count that was dropped for want of room is not made anew, so it never falls below zero.
local function give_back(flight)
  local here, reserved = flight.here, flight.reserved
  if reserved > here then
    counts:incr(flight.address, here - reserved)
    flight.reserved = here
  end
end

local function give_back_resting()
  local list, count = resting, rests
  resting, rests, scheduled = {}, 0, false
  for at = 1, count do
    local flight = list[at]
    flight.resting = false
    if flight.here == 0 then give_back(flight) end
  end
end

-- `exactly`: keep nothing reserved beyond what is under way.
function M.remove(flight, exactly)
  local here = flight.here - 1
  flight.here = here
  if exactly then return give_back(flight) end
  if here > 0 or flight.resting then return end
  flight.resting, rests = true, rests + 1
  resting[rests] = flight
  if not scheduled then scheduled = timer_at(soon, give_back_resting) end
  if not scheduled then give_back_resting() end
end

-- Endpoints went out of use, after the table without them is in force: who has chosen one of them by the old table looks at the
-- version again after counting itself (balancer.lua), so no request is missed here.
function M.removed(addresses)
  for address in pairs(addresses) do
    if (counts:get(address) or 0) > 0 then draining:set(address, true)
    else counts:delete(address) end
  end
end

-- The endpoints that are out of use and not yet at rest, as JSON. `in_use` is the set of addresses that are not to be listed.
function M.draining(in_use)
  local list = {}
  for _, address in ipairs(draining:get_keys(0)) do
    local count = counts:get(address) or 0
    if in_use[address] or count <= 0 then
      draining:delete(address)
      if not in_use[address] then counts:delete(address) end
    else
      list[#list + 1] = { endpoint = address, inFlight = count }
    end
  end
  table.sort(list, function(a, b) return a.endpoint < b.endpoint end)
  return json.list(list)
end

return M
