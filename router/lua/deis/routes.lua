-- The table of routes: which host is whose, and how each app is served. It is made of the store's keys as they stand, whole, each
-- time they change, so that answering a request needs no rule that is not already worked out.
--
-- What a key says wrongly is reported with that key and left out or replaced by its default. It never harms another app.
local in_flight = require "deis.in_flight"
local values = require "deis.values"

local find, sub, lower, match, gsub = string.find, string.sub, string.lower, string.match, string.gsub
local random = math.random
local M = {}

local Table = {}
Table.__index = Table

-- `a.b.c` gives `b.c`; nil without a dot.
local function parent(host)
  local dot = find(host, ".", 1, true)
  return dot and sub(host, dot + 1) or nil
end

-- Most specific first: a custom domain; a platform name under the platform's own domain, so that nobody's wildcard takes it; the
-- longest wildcard; a platform name under any domain.
local function search(self, host)
  local route = self.domains[host]
  if route then return route end
  local dot = find(host, ".", 1, true)
  if not dot then return nil end
  local named = self.names[sub(host, 1, dot - 1)]
  if self.wildcards == nil or (named and sub(host, dot + 1) == self.platform_domain) then return named end
  local suffix = parent(host)
  while suffix do
    route = self.wildcards[suffix]
    if route then return route end
    suffix = parent(suffix)
  end
  return named
end

-- Hosts that were asked for are remembered, up to so many: below a wildcard there are as many as anybody thinks of.
local most_remembered = 10000

-- The route of a host name (lower case, no port), or nil if nobody has it.
function Table:find(host)
  local route = self.found[host]
  if route then return route end
  route = search(self, host)
  if route then
    if self.remembered >= most_remembered then self.found, self.remembered = {}, 0 end
    self.found[host], self.remembered = route, self.remembered + 1
  end
  return route
end

-- The networks of `address[:label],…`, as `deis config:set DEIS_WHITELIST` takes them.
local function networks(text, key, report)
  local list = {}
  for entry in text:gmatch("[^,]+") do
    entry = match(entry, "^%s*(.-)%s*$")
    -- An IPv6 address has colons itself: a whole entry that is a network has no label.
    local network, problem = values.network(entry)
    if not network then network = values.network(match(entry, "^%[(.-)%]") or match(entry, "^([^:]*):") or entry) end
    if network then list[#list + 1] = network
    elseif entry ~= "" then report(key, problem) end
  end
  return list
end

-- A reader of settings below `prefix`; what is missing or wrong there is taken from `defaults`.
local function reader(keys, prefix, report)
  return function(name, read, default, ...)
    local text = keys[prefix .. name]
    if text == nil then return default end
    local value, problem = read(text, ...)
    if value == nil then
      report(prefix .. name, problem)
      return default
    end
    return value
  end
end

local function argument(text)
  if text == "" then return false end
  if not find(text, "^[%w_]+$") then return nil, 'is "' .. text .. '", not the name of an argument such as session_id' end
  return "arg_" .. lower(text)
end

-- The value of the Strict-Transport-Security header, or nil.
local function hsts(read, default)
  local enabled = read("hsts/enabled", values.switch, default.enabled)
  local policy = {
    enabled = enabled,
    max_age = read("hsts/maxAge", values.number, default.max_age, 0, 999999999),
    subdomains = read("hsts/includeSubDomains", values.switch, default.subdomains),
    preload = read("hsts/preload", values.switch, default.preload),
  }
  if enabled then
    policy.header = "max-age=" .. policy.max_age .. (policy.subdomains and "; includeSubDomains" or "")
      .. (policy.preload and "; preload" or "")
  end
  return policy
end

-- Pages of one's own for the errors that the router itself answers with, by status.
local function pages(keys_below, prefix, inherited, report)
  local own
  for name, text in pairs(keys_below) do
    local status = match(name, "^errorPages/(.*)$")
    if status then
      if find(status, "^[45]%d%d$") then
        own = own or setmetatable({}, { __index = inherited })
        own[tonumber(status)] = text
      else
        report(prefix .. name, "is for no status of an error: it ends in a number from 400 to 599")
      end
    end
  end
  return own or inherited
end

local app_settings = {
  bodySize = true, ["timeout/connect"] = true, ["timeout/read"] = true, ["timeout/send"] = true, maintenance = true,
  enforceHTTPS = true, ["hsts/enabled"] = true, ["hsts/maxAge"] = true, ["hsts/includeSubDomains"] = true,
  ["hsts/preload"] = true, whitelist = true, affinityArg = true,
}

-- The weight of one endpoint: that of the unit, else that of its version, else 1.
local function weigher(keys, prefix, report)
  return function(unit)
    local version = match(unit, "_(v%d+)%.") or match(unit, "_(v%d+)$")
    for _, name in ipairs { unit, version } do
      local key = prefix .. "weights/" .. name
      local text = keys[key]
      if text then
        local weight, problem = values.number(text, 0, 1000)
        if weight then return weight end
        report(key, problem)
      end
    end
    return 1
  end
end

-- Whether every endpoint weighs the same, so that taking turns is enough.
local function even(endpoints)
  for _, endpoint in ipairs(endpoints) do
    if endpoint.weight ~= endpoints[1].weight then return false end
  end
  return true
end

-- Adds what is worked out of the rest. A route that is not `guarded` is served on the short path: only a body's size is looked at.
local function settle(route)
  route.turn = { at = random(0, 9999) }
  route.even = even(route.endpoints)
  route.count = #route.endpoints
  for _, endpoint in ipairs(route.endpoints) do endpoint.flight = in_flight.of(endpoint.address) end
  route.guarded = route.maintenance or route.https or route.hsts or route.networks or route.count == 0 or false
  return route
end

-- Makes the table of the keys that routes.json has. Gives it and its problems.
function M.compile(keys)
  local problems, reported = {}, {}
  local function report(key, message)
    if reported[key] then return end
    reported[key] = true
    problems[#problems + 1] = { key = key, message = message }
  end

  local services, settings, known, domains, own_pages = {}, {}, {}, {}, {}
  for key, value in pairs(keys) do
    local app, rest = match(key, "^/deis/services/([^/]+)/(.+)$")
    if app then
      local list = services[app] or {}
      services[app], list[#list + 1] = list, { unit = rest, key = key, value = value }
    elseif find(key, "/deis/router/apps/", 1, true) == 1 then
      app, rest = match(key, "^/deis/router/apps/([^/]+)/(.+)$")
      if app then
        settings[app] = settings[app] or {}
        settings[app][rest] = value
      end
    elseif find(key, "/deis/router/errorPages/", 1, true) == 1 then own_pages[sub(key, 14)] = value
    elseif find(key, "/deis/cluster/apps/", 1, true) == 1 then known[sub(key, 20)] = true
    elseif find(key, "^/deis/config/[^/]") then known[match(key, "^/deis/config/([^/]+)")] = true
    elseif find(key, "/deis/domains/", 1, true) == 1 then domains[sub(key, 15)] = value
    end
  end

  local read = reader(keys, "/deis/router/", report)
  local default = {
    limit = read("bodySize", values.size, 1024 ^ 2),
    https = read("enforceHTTPS", values.switch, false),
    closed = read("enforceWhitelist", values.switch, false),
    affinity = read("affinityArg", argument, false),
    hsts = hsts(read, { enabled = false, max_age = 10886400, subdomains = false, preload = false }),
    pages = pages(own_pages, "/deis/router/", {}, report),
  }

  -- Who asks for a filter must not believe that there is one.
  if read("firewall/enabled", values.switch, false) then
    report("/deis/router/firewall/enabled", "is on, but there is no firewall: Debian's nginx has no naxsi")
  end

  -- An app's route.
  local function app_route(app)
    local prefix = "/deis/router/apps/" .. app .. "/"
    local own = settings[app]
    local read_own = own and reader(keys, prefix, report) or function(_, _, value) return value end
    local endpoints, seen, weight = {}, {}, own and weigher(keys, prefix, report)
    for _, service in ipairs(services[app] or {}) do
      local endpoint, problem = values.endpoint(service.value)
      if not endpoint then report(service.key, problem)
      elseif not seen[endpoint.address] then
        seen[endpoint.address] = true
        endpoint.weight = weight and weight(service.unit) or 1
        if endpoint.weight > 0 then endpoints[#endpoints + 1] = endpoint end
      end
    end
    for name in pairs(own or {}) do
      if not app_settings[name] and not find(name, "^errorPages/") and not find(name, "^weights/[^/]+$") then
        report(prefix .. name, "is no setting of an app")
      end
    end

    local policy = own and hsts(read_own, default.hsts) or default.hsts
    local whitelist_key = prefix .. "whitelist"
    if keys[whitelist_key] == nil then whitelist_key = "/deis/config/" .. app .. "/deis_whitelist" end
    local whitelist = keys[whitelist_key]
    local connect = read_own("timeout/connect", values.time, nil)
    local send = read_own("timeout/send", values.time, nil)
    local receive = read_own("timeout/read", values.time, nil)
    return settle {
      app = app,
      server_name = "~^" .. app .. "\\.(?<domain>.+)$",
      endpoints = endpoints,
      limit = read_own("bodySize", values.size, default.limit),
      timeouts = (connect or send or receive) and { connect = connect, send = send, read = receive } or nil,
      maintenance = read_own("maintenance", values.switch, false),
      https = read_own("enforceHTTPS", values.switch, default.https) or policy.enabled,
      hsts = policy.header,
      networks = whitelist and networks(whitelist, whitelist_key, report) or (default.closed and {} or nil),
      affinity = read_own("affinityArg", argument, default.affinity) or nil,
      pages = own and pages(own, prefix, default.pages, report) or default.pages,
    }
  end

  -- A service of the platform, whose address stands in two keys.
  local function platform_route(app, name, prefix, route)
    local host, port = keys[prefix .. "host"], keys[prefix .. "port"]
    local endpoints = {}
    if host and port then
      local address = find(host, ":", 1, true) and "[" .. host .. "]:" .. port or host .. ":" .. port
      local endpoint, problem = values.endpoint(address)
      if endpoint then
        endpoint.weight = 1
        endpoints[1] = endpoint
      else
        report(prefix .. "host", "with " .. prefix .. "port " .. problem)
      end
    end
    route.app, route.server_name, route.endpoints = app, "~^" .. name .. "\\.(?<domain>.+)$", endpoints
    route.pages = default.pages
    return settle(route)
  end

  local names = {}
  for app in pairs(services) do names[lower(app)] = app_route(app) end
  for app in pairs(known) do names[lower(app)] = names[lower(app)] or app_route(app) end

  local controller = keys["/deis/controller/subdomain"]
  if controller == nil or controller == "" then controller = "deis" end
  local whitelist = keys["/deis/router/controller/whitelist"]
  local connect, long = 10, 1200
  local controller_route = platform_route("deis-controller", controller, "/deis/controller/", {
    limit = default.limit,
    timeouts = {
      connect = read("controller/timeout/connect", values.time, connect),
      send = read("controller/timeout/send", values.time, long),
      read = read("controller/timeout/read", values.time, long),
    },
    https = default.https or default.hsts.enabled,
    hsts = default.hsts.header,
    networks = whitelist and networks(whitelist, "/deis/router/controller/whitelist", report)
      or (default.closed and {} or nil),
  })
  local store_route = platform_route("deis-store-gateway", "deis-store", "/deis/store/gateway/", {
    limit = 0,
    timeouts = { connect = connect },
  })

  -- Custom domains: each is its app's route under its own name. The copy is shallow, so they take turns together.
  local exact, wildcards = {}, nil
  local function of_domain(domain, app)
    local route = names[lower(app)]
    if not route then
      report("/deis/domains/" .. domain, 'is "' .. app .. '", an app that nobody knows')
      return nil
    end
    local copy = {}
    for name, value in pairs(route) do copy[name] = value end
    copy.server_name = domain
    return copy
  end
  for domain, app in pairs(domains) do
    local name = gsub(lower(domain), "%.$", "")
    local suffix = match(name, "^%*%.(.+)$")
    if find(suffix or name, "[^%w%.%-_]") or name == "" then
      report("/deis/domains/" .. domain, "is no domain: a name such as www.example.com, or *.example.com")
    elseif suffix then
      wildcards = wildcards or {}
      wildcards[suffix] = of_domain(domain, app)
    else
      exact[name] = of_domain(domain, app)
    end
  end
  names[lower(controller)] = controller_route
  names["deis-store"] = store_route

  local platform_domain = keys["/deis/platform/domain"]
  return setmetatable({
    domains = exact,
    wildcards = wildcards,
    names = names,
    found = {},
    remembered = 0,
    platform_domain = platform_domain and lower(platform_domain) or "",
    pages = default.pages,
  }, Table), problems
end

-- Every address that some route sends requests to.
function Table:addresses()
  local set = {}
  for _, route in pairs(self.names) do
    for _, endpoint in ipairs(route.endpoints) do set[endpoint.address] = true end
  end
  return set
end

return M
