-- What becomes of a request before anything of it is sent on: it is served by its route, or it gets an answer of the router's own.
--
-- Runs for each request as set_by_lua, which is the cheapest phase there is; what it decides stands in $deis_answer (empty to go
-- on), and its value is the name of the server for the log, as Deis v1's configuration named it. What it must know of every request
-- are its arguments, which nginx finds by number; ngx.var has to look for a name.
local requests = require "deis.requests"
local routes = require("deis.tables").routes
local values = require "deis.values"

local arg, var = ngx.arg, ngx.var
local find, tonumber = string.find, tonumber
local M = {}

-- Whether the client may come here at all: a list of networks closes the route to all others.
local function listed(networks)
  local address = var.binary_remote_addr
  for _, network in ipairs(networks) do
    if values.within(address, network) then return true end
  end
  return false
end

-- The answer to a request of a route that is not open to every request, or nil.
local function guard(route)
  if route.https or route.hsts then
    if var.access_scheme ~= "https" then
      if route.https then return "redirect" end
    elseif route.hsts then
      var.deis_hsts = route.hsts
    end
  end
  if route.networks and not listed(route.networks) then return "forbidden" end
  if route.maintenance then return "maintenance" end
  if route.count == 0 then return "unavailable" end
  return nil
end

local function too_large(route, length)
  return route.limit > 0 and length > route.limit
end

-- The answer to a request that has one of the things few have, or nil. `rare` is those it has, one right behind the other: the length
-- of its body or how it is sent without one (in chunks), the protocol that the client wants to speak from here on, and HTTP/2, over
-- which a body may come unannounced with any method, and no other protocol can be wished for.
local function odd_answer(route, rare)
  if not rare then return nil end
  local announced = var.content_length
  local length = tonumber(announced)
  if length and too_large(route, length) then return "too-large" end
  if rare == announced then return nil end
  if var.http2 ~= "" then return not length and "unmeasured" or nil end
  return var.http_transfer_encoding and "unmeasured" or "upgrade"
end

-- The names that the router answers to itself, where no app has the host.
local function own_answer(uri)
  if find(uri, "^/health%-check") then return "health" end
  if find(uri, "^/router%-nginx%-status") then return "status" end
  return "unknown"
end

function M.run()
  local newest = routes:current()
  local route = newest and newest:find(arg[1])
  if not route then
    var.deis_answer = own_answer(var.uri)
    return ""
  end
  requests.begin(route, routes.version)
  -- Whoever has come past the guard of a route with HSTS has come over HTTPS.
  local answer = route.guarded and guard(route) or odd_answer(route, arg[2]) or route.hsts and "strict"
  if answer then var.deis_answer = answer end
  return route.server_name
end

-- The steps of the limit under which a body of unknown length is read, before its size is known and compared with the route's own.
-- nginx.conf has a place for each.
local steps = { 1, 4, 16, 64, 256, 1024, 4096, 16384 }

-- The place where such a body is read.
function M.place_to_measure(route)
  if route.limit > 0 then
    for _, step in ipairs(steps) do
      if route.limit <= step * 1024 ^ 2 then return "@measure_" .. step .. "m" end
    end
  end
  return "@measure_0m"
end

-- Reads the body and compares: the access phase of those places.
function M.measured()
  local route = requests.current().route
  ngx.req.read_body()
  if route.limit == 0 then return end
  local data, file = ngx.req.get_body_data(), nil
  local size = data and #data or 0
  if not data then
    local path = ngx.req.get_body_file()
    file = path and io.open(path, "rb")
    size = file and file:seek("end") or 0
    if file then file:close() end
  end
  if size > route.limit then return ngx.exit(413) end
end

return M
