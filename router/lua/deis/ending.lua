-- The last phase of every request: it is no longer in flight, and it is counted.
local choice = require "deis.choice"
local in_flight = require "deis.in_flight"
local requests = require "deis.requests"
local statistics = require "deis.statistics"
local routes = require("deis.tables").routes

local var, tonumber = ngx.var, tonumber
local M = {}

function M.run()
  local state = requests.finish()
  local status = ngx.status
  if not state then
    if var.deis_answer == "unknown" then statistics.count("", status, tonumber(var.bytes_sent)) end
    return
  end
  local endpoint = state.endpoint
  if endpoint then
    in_flight.remove(endpoint.flight, routes:is_newer_than(state.version))
    -- The last endpoint that was tried has failed too, and nginx had no reason to ask for another.
    if status >= 502 and status <= 504 and state.route.count > 1 then choice.failed(endpoint.address) end
  end
  statistics.count(state.route.app, status, tonumber(var.bytes_sent))
end

return M
