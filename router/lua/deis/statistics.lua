-- What each app was asked and how it answered: requests by status, time to answer, bytes sent.
--
-- A worker counts in tables of its own and adds them to shared memory about once a second while there is something to add, so that
-- counting costs next to nothing and an idle router does nothing at all. Figures are therefore up to a second late.
local json = require "deis.json"

local shared = ngx.shared.deis_statistics
local now, start_time = ngx.now, ngx.req.start_time
local bounds = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }
local counted, scheduled = {}, false
local M = {}

-- Adds what this worker has counted to what all have. Keys are "<app> <field>"; requests to unknown hosts have the app "".
local function flush()
  scheduled = false
  local apps = counted
  counted = {}
  for app, count in pairs(apps) do
    for status, n in pairs(count.statuses) do shared:incr(app .. " status " .. status, n, 0) end
    for at, n in pairs(count.buckets) do shared:incr(app .. " bucket " .. at, n, 0) end
    shared:incr(app .. " bytes", count.bytes, 0)
    shared:incr(app .. " seconds", count.seconds, 0)
  end
end
M.flush = flush

-- Counts a request that was answered. A failed timer loses nothing: the next request asks for one again.
function M.count(app, status, bytes)
  local count = counted[app]
  if not count then
    count = { statuses = {}, buckets = {}, bytes = 0, seconds = 0 }
    counted[app] = count
  end
  local seconds = now() - start_time()
  local at = 1
  while at <= #bounds and seconds > bounds[at] do at = at + 1 end
  count.statuses[status] = (count.statuses[status] or 0) + 1
  count.buckets[at] = (count.buckets[at] or 0) + 1
  count.bytes = count.bytes + bytes
  count.seconds = count.seconds + seconds
  if not scheduled then scheduled = ngx.timer.at(1, flush) end
end

-- What all workers have counted, by app.
local function read()
  flush()
  local apps = {}
  for _, key in ipairs(shared:get_keys(0)) do
    local app, field, which = key:match("^(%S*) (%a+) ?(%d*)$")
    local value = shared:get(key)
    if app and value then
      local count = apps[app] or { statuses = {}, buckets = {}, bytes = 0, seconds = 0, requests = 0 }
      apps[app] = count
      if field == "status" then
        count.statuses[tonumber(which)] = value
        count.requests = count.requests + value
      elseif field == "bucket" then count.buckets[tonumber(which)] = value
      else count[field] = value end
    end
  end
  return apps
end

local function sorted(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The time under which that part of the requests was answered, taken as evenly spread within a bucket; in seconds.
local function quantile(count, part)
  local wanted, below = count.requests * part, 0
  for at = 1, #bounds do
    local n = count.buckets[at] or 0
    if n > 0 and below + n >= wanted then
      local low = bounds[at - 1] or 0
      return low + (bounds[at] - low) * (wanted - below) / n
    end
    below = below + n
  end
  return bounds[#bounds]
end

local function app_json(count)
  local classes = { ["1xx"] = 0, ["2xx"] = 0, ["3xx"] = 0, ["4xx"] = 0, ["5xx"] = 0 }
  local statuses = {}
  for status, n in pairs(count.statuses) do
    local class = math.floor(status / 100) .. "xx"
    classes[class] = (classes[class] or 0) + n
    statuses[tostring(status)] = tostring(n)
  end
  local function ms(part) return ("%.1f"):format(quantile(count, part) * 1000) end
  return json.object {
    requests = tostring(count.requests),
    responses = json.encode(classes),
    statuses = json.object(statuses),
    bytesSent = ("%d"):format(count.bytes),
    latencyMs = json.object {
      mean = ("%.1f"):format(count.seconds / math.max(1, count.requests) * 1000),
      p50 = ms(0.5), p95 = ms(0.95), p99 = ms(0.99),
    },
  }
end

-- {"apps": {"<app>": {…}}, "unknownHosts": {…}, "connections": {…}}, counted since nginx was started (reloads do not matter).
function M.json()
  local apps, parts = read(), {}
  local unknown = apps[""] or { statuses = {}, buckets = {}, bytes = 0, seconds = 0, requests = 0 }
  apps[""] = nil
  for app, count in pairs(apps) do parts[app] = app_json(count) end
  return json.object { apps = json.object(parts), unknownHosts = app_json(unknown), connections = M.connections() } .. "\n"
end

function M.connections()
  local var = ngx.var
  return json.object {
    active = var.connections_active, reading = var.connections_reading,
    writing = var.connections_writing, waiting = var.connections_waiting,
  }
end

local function label(text)
  return (text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"))
end

-- The same in Prometheus' text format.
function M.prometheus()
  local apps, lines = read(), {}
  local names = sorted(apps)
  local function put(line, ...) lines[#lines + 1] = line:format(...) end
  local function family(name, kind, help)
    put("# HELP %s %s", name, help)
    put("# TYPE %s %s", name, kind)
  end
  family("deis_router_requests_total", "counter", "Requests answered, by app and status; app is empty for unknown hosts.")
  for _, app in ipairs(names) do
    for _, status in ipairs(sorted(apps[app].statuses)) do
      put('deis_router_requests_total{app="%s",code="%d"} %d', label(app), status, apps[app].statuses[status])
    end
  end
  family("deis_router_request_duration_seconds", "histogram", "Time from a request's first byte to its answer's last.")
  for _, app in ipairs(names) do
    local sum, name, count = 0, label(app), apps[app]
    for at = 1, #bounds do
      sum = sum + (count.buckets[at] or 0)
      put('deis_router_request_duration_seconds_bucket{app="%s",le="%s"} %d', name, bounds[at], sum)
    end
    put('deis_router_request_duration_seconds_bucket{app="%s",le="+Inf"} %d', name, count.requests)
    put('deis_router_request_duration_seconds_sum{app="%s"} %.3f', name, count.seconds)
    put('deis_router_request_duration_seconds_count{app="%s"} %d', name, count.requests)
  end
  family("deis_router_response_bytes_total", "counter", "Bytes sent to clients, by app.")
  for _, app in ipairs(names) do
    put('deis_router_response_bytes_total{app="%s"} %d', label(app), apps[app].bytes)
  end
  family("deis_router_connections", "gauge", "Client connections, by what they do.")
  for _, state in ipairs { "reading", "waiting", "writing" } do
    put('deis_router_connections{state="%s"} %s', state, ngx.var["connections_" .. state])
  end
  return table.concat(lines, "\n") .. "\n"
end

function M.print()
  ngx.print(M.prometheus())
end

return M
