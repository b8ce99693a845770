-- What is known of each request that is being answered, from its first phase to its last.
--
-- ngx.ctx is not used for it: an internal redirect, such as the one to an error page, empties ngx.ctx, and what a request holds
-- in flight must survive that. A request's address in memory is its own until its last phase, where its state is taken away.
local ffi = require "ffi"
local get_request = require("resty.core.base").get_request

local cast, tonumber = ffi.cast, tonumber
local states, spare, spares = {}, {}, 0
local M = {}

-- Begins the state of the present request, which goes to `route` by that version of the table.
function M.begin(route, version)
  local key = tonumber(cast("uintptr_t", get_request()))
  local state
  if spares > 0 then
    state, spares = spare[spares], spares - 1
  else
    state = {}
  end
  state.route, state.version, state.endpoint, state.tried = route, version, false, nil
  states[key] = state
  return state
end

function M.current()
  return states[tonumber(cast("uintptr_t", get_request()))]
end

-- Ends the state of the present request and gives it, or nil if it has none. It may be read until the next request begins.
function M.finish()
  local key = tonumber(cast("uintptr_t", get_request()))
  local state = states[key]
  if state then
    states[key] = nil
    spares = spares + 1
    spare[spares] = state
  end
  return state
end

return M
