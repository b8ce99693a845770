-- Sends a request to an endpoint of its route, and to another one if nginx says that the first has failed it.
--
-- A removed endpoint gets no request from the moment the push was answered: the request is counted on the endpoint first and the
-- table's version looked at after. So whoever removes an endpoint and then reads its count either sees this request, or this
-- request sees the removal and chooses anew.
local peers = require "ngx.balancer"
local choice = require "deis.choice"
local in_flight = require "deis.in_flight"
local requests = require "deis.requests"
local routes = require("deis.tables").routes

local var = ngx.var
local M = {}

-- Where a request goes whose host has lost its app meanwhile: to nothing, with that app's pages.
local function nowhere_of(route)
  return { app = route.app, pages = route.pages, endpoints = {}, count = 0 }
end

local function argument_of(route)
  if not route.affinity then return nil end
  local value = var[route.affinity]
  return value ~= "" and value or nil
end

-- Leaves the endpoint that failed, so that another is tried.
local function leave(state)
  local endpoint = state.endpoint
  local address = endpoint.address
  state.endpoint = false
  in_flight.remove(endpoint.flight, routes:is_newer_than(state.version))
  choice.failed(address)
  state.tried = state.tried or {}
  state.tried[address] = true
end

-- nginx asks the first time, and again each time an endpoint has failed the request and it may be sent to another one.
function M.run()
  local state = requests.current()
  local first = not state.endpoint
  if not first then leave(state) end

  for _ = 1, 10 do
    local route = state.route
    local endpoint = choice.endpoint(route, argument_of(route), state.tried)
    if not endpoint then break end
    in_flight.add(endpoint.flight)
    local newest = routes:current()
    if routes.version == state.version then
      state.endpoint = endpoint
      if first then
        if route.count > 1 then peers.set_more_tries(route.count - 1) end
        local timeouts = route.timeouts
        if timeouts then peers.set_timeouts(timeouts.connect, timeouts.send, timeouts.read) end
      end
      peers.set_current_peer(endpoint.host, endpoint.port)
      return
    end
    in_flight.remove(endpoint.flight, true)
    state.version = routes.version
    state.route = newest:find(var.host) or nowhere_of(state.route)
  end
  -- NGX_BUSY: nginx then says 502 and that no upstream is live; answers.lua makes it 503.
  return ngx.exit(-3)
end

return M
