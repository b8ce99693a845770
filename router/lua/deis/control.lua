-- The control socket: what the router's process says and asks.
--
--   PUT /routes, PUT /certs  the whole table   → {"digest", "problems"} once every following request goes by it
--   GET /state                                 → what is in force, and which removed endpoints still have requests
--   GET /stats, GET /metrics                   → what was counted, as JSON and for Prometheus
local in_flight = require "deis.in_flight"
local json = require "deis.json"
local statistics = require "deis.statistics"
local structure = require "deis.structure"
local tables = require "deis.tables"

local M = {}

local function answer(status, body, content_type)
  ngx.status = status
  ngx.header.content_type = content_type or "application/json"
  ngx.print(body)
end

local function refuse(status, message)
  answer(status, json.encode { error = message } .. "\n")
end

local function body()
  ngx.req.read_body()
  local data = ngx.req.get_body_data()
  if data then return data end
  local path = ngx.req.get_body_file()
  return path and structure.read(path) or ""
end

-- Takes the whole of a table. Endpoints that are in it no more are told apart from those that are at rest.
function M.put(name)
  local table_of = tables[name]
  local text, before, message = table_of:replace(body())
  if not text then return refuse(before, message) end
  if name == "routes" and before then
    local removed, kept = before:addresses(), table_of.compiled:addresses()
    for address in pairs(kept) do removed[address] = nil end
    in_flight.removed(removed)
  end
  answer(200, text .. "\n")
end

local nothing = '{"digest":"","problems":[]}'

local function state()
  local routes, certs = tables.routes:answer() or nothing, tables.certs:answer() or nothing
  local newest = tables.routes:current()
  return json.object {
    routes = json.encode(json.decode(routes).digest),
    certs = json.encode(json.decode(certs).digest),
    structure = json.encode(structure.digest),
    workers = tostring(ngx.worker.count()),
    draining = in_flight.draining(newest and newest:addresses() or {}),
    problems = json.object {
      routes = routes:match('"problems":(.*)}$'),
      certs = certs:match('"problems":(.*)}$'),
      structure = structure.problems,
    },
  }
end

local reads = {
  ["/state"] = function() answer(200, state() .. "\n") end,
  ["/stats"] = function() answer(200, statistics.json()) end,
  ["/metrics"] = function() answer(200, statistics.prometheus(), "text/plain; version=0.0.4") end,
}
local writes = {
  ["/routes"] = function() M.put("routes") end,
  ["/certs"] = function() M.put("certs") end,
}

function M.run()
  local method, uri = ngx.req.get_method(), ngx.var.uri
  local action = (method == "GET" and reads or method == "PUT" and writes or {})[uri]
  if action then return action() end
  if reads[uri] or writes[uri] then return refuse(405, uri .. " takes " .. (reads[uri] and "GET" or "PUT") .. ", not " .. method) end
  refuse(404, "Nothing is at " .. uri .. ": /routes, /certs, /state, /stats, /metrics")
end

return M
