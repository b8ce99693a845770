-- How many requests are under way on each endpoint, over all workers and also those of before a reload: the count stands in shared
-- memory. An endpoint that was removed while some were under way is *draining* until the last of them has ended.
local json = require "deis.json"

local counts, draining = ngx.shared.deis_in_flight, ngx.shared.deis_draining
-- `here`: those of this worker alone, by address, which a choice may look at for next to nothing. An address at rest has none.
local here = {}
local M = { here = here }

function M.add(address)
  counts:incr(address, 1, 0)
  here[address] = (here[address] or 0) + 1
end

-- A count that was dropped for want of room is not made anew, so it never falls below zero.
function M.remove(address)
  counts:incr(address, -1)
  local left = (here[address] or 1) - 1
  here[address] = left > 0 and left or nil
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
