-- Which endpoint of a route takes a request: by turns, by weight, or by an argument of the request.
--
-- One whose turn it is is passed over if this worker has more requests waiting for it than for the next in turn. A host that has
-- lost its power refuses nothing: what was sent over open connections just stays unanswered, for as long as an app may take. So it
-- holds a request or two of each worker, not every client, until it is found out that it is gone.
--
-- An endpoint that has just failed is passed over for a while, as nginx does by default (max_fails=1 fail_timeout=10s), unless all
-- have. Each worker knows by itself who failed.
local bit = require "bit"

local crc32, now = ngx.crc32_long, ngx.now
local log, huge = math.log, math.huge
local band, bxor, rshift, tobit = bit.band, bit.bxor, bit.rshift, bit.tobit
local rest_seconds = 10
local resting, any_resting_until = {}, 0
local M = {}

-- The endpoint failed: others are preferred until it had its rest.
function M.failed(address)
  any_resting_until = now() + rest_seconds
  resting[address] = any_resting_until
end

local function usable(endpoint, time, tried)
  if tried and tried[endpoint.address] then return false end
  local till = resting[endpoint.address]
  if till == nil then return true end
  if till > time then return false end
  resting[endpoint.address] = nil
  return true
end

-- The one whose turn it is, or the next one.
local function of_two(route)
  local endpoints, count, turn = route.endpoints, route.count, route.turn
  local at = turn.at % count + 1
  local waiting = endpoints[at].flight.here
  if waiting > 0 then
    local after = at % count + 1
    if waiting > endpoints[after].flight.here then at = after end
  end
  turn.at = at
  return endpoints[at]
end

-- Each in its turn.
local function by_turn(route, time, tried)
  local endpoints, count, turn = route.endpoints, route.count, route.turn
  for _ = 1, count do
    local at = turn.at % count + 1
    turn.at = at
    local endpoint = endpoints[at]
    if usable(endpoint, time, tried) then return endpoint end
  end
end

-- Each as often as its weight says, spread evenly: every round each gains its weight, and the one that has most pays the sum.
local function by_weight(route, time, tried)
  local turn, sum, best = route.turn, 0, nil
  for _, endpoint in ipairs(route.endpoints) do
    if usable(endpoint, time, tried) then
      local gained = (turn[endpoint] or 0) + endpoint.weight
      turn[endpoint] = gained
      sum = sum + endpoint.weight
      if best == nil or gained > turn[best] then best = endpoint end
    end
  end
  if best then turn[best] = turn[best] - sum end
  return best
end

-- Spreads the bits of a checksum: those of two endpoints differ by the same pattern whatever the argument is, which a product
-- (here by 0x85ebca6b, modulo 2^32, in halves that a double holds exactly) breaks up.
local function scatter(h)
  h = bxor(h, rshift(h, 16))
  local low = band(h, 0xffff)
  h = tobit(band(band(rshift(h, 16), 0xffff) * 0xca6b + low * 0x85eb, 0xffff) * 0x10000 + low * 0xca6b)
  return bxor(h, rshift(h, 13))
end

-- The same for the same argument on every router: the endpoint that draws highest for it (rendezvous hashing). If one goes, only
-- its own arguments move.
local function by_argument(route, argument, time, tried)
  local best, highest = nil, -huge
  for _, endpoint in ipairs(route.endpoints) do
    if usable(endpoint, time, tried) then
      local draw = (scatter(tobit(crc32(endpoint.address .. " " .. argument))) % 0x1000000 + 1) / 0x1000002
      local score = -endpoint.weight / log(draw)
      if score > highest then best, highest = endpoint, score end
    end
  end
  return best
end

local function choose(route, argument, time, tried)
  if argument then return by_argument(route, argument, time, tried) end
  if route.even then return by_turn(route, time, tried) end
  return by_weight(route, time, tried)
end

-- The endpoint for a request, or nil if the route has none. `argument` is the value that binds it to one, or nil; `tried` has the
-- addresses that failed it, which come again only if there is no other.
function M.endpoint(route, argument, tried)
  local count = route.count
  if count == 0 then return nil end
  if count == 1 then return route.endpoints[1] end
  local time = now()
  if route.even and not argument and not tried and any_resting_until <= time then
    return of_two(route)
  end
  local endpoint = choose(route, argument, time, tried)
  if endpoint then return endpoint end
  if tried then endpoint = choose(route, argument, huge, tried) end
  return endpoint or choose(route, argument, huge, nil)
end

return M
