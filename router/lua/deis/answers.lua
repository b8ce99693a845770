-- The answers that the router gives itself: redirects, refusals and errors, with a page for people to read.
local admission = require "deis.admission"
local requests = require "deis.requests"
local statistics = require "deis.statistics"
local routes = require("deis.tables").routes

local var = ngx.var
local M = {}

-- Title and sentence of each page.
local texts = {
  [403] = { "Forbidden", "Your address is not among those that may come here." },
  [404] = { "Not found", "No app answers to this host name." },
  [413] = { "Request too large", "The body of the request is larger than this app takes." },
  [500] = { "Internal error", "The router could not answer." },
  [502] = { "Bad gateway", "The app could not be reached, or its answer was not understood." },
  [503] = { "Service unavailable", "This app is not running at the moment." },
  [504] = { "Gateway timeout", "The app did not answer in time." },
  maintenance = { "Down for maintenance", "This app is down for maintenance and will be back." },
  starting = { "Service unavailable", "This router has not learned its routes yet." },
}

local page = [[
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s</title>
<style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em;color:#333}</style></head>
<body><h1>%s</h1><p>%s</p></body>
</html>
]]

local function say(status, content_type, body)
  ngx.status = status
  ngx.header.content_type = content_type
  ngx.header.content_length = #body
  ngx.print(body)
end

-- Answers with the page of a status: the app's own, else the platform's own, else the built-in one.
local function show(status, pages, text)
  ngx.header.cache_control = "no-store"
  local body = pages and pages[status]
  if not body then
    text = text or texts[status] or { "Error " .. status, "The request could not be answered." }
    local title = status .. " " .. text[1]
    body = page:format(title, title, text[2])
  end
  say(status, "text/html; charset=utf-8", body)
end

-- The health of this router: it serves once it knows its routes.
function M.health()
  if routes:current() then return say(200, "text/plain", "ok\n") end
  say(503, "text/plain", texts.starting[2] .. "\n")
end

local own_answers = {
  redirect = function()
    ngx.header.location = "https://" .. var.host .. var.request_uri
    show(301, nil, { "Moved permanently", "This app is served over HTTPS." })
  end,
  forbidden = function(route) show(403, route.pages) end,
  maintenance = function(route) show(503, route.pages, texts.maintenance) end,
  unavailable = function(route) show(503, route.pages) end,
  ["too-large"] = function(route) show(413, route.pages) end,
  unmeasured = function(route) return ngx.exec(admission.place_to_measure(route)) end,
  upgrade = function() return ngx.exec("@upgrade") end,
  strict = function() return ngx.exec("@strict") end,
  health = M.health,
  status = function()
    if var.deis_status_page ~= "on" then return show(404, routes:current().pages) end
    say(200, "application/json", statistics.json())
  end,
  unknown = function()
    local newest = routes:current()
    if newest then return show(404, newest.pages) end
    show(503, nil, texts.starting)
  end,
}

-- Gives the answer that admission.lua has decided on.
function M.own()
  local state = requests.current()
  return own_answers[var.deis_answer](state and state.route)
end

-- Gives the page of an error that nginx has come upon: no endpoint could be reached, a body too large, …
function M.failure()
  local state = requests.current()
  local status = ngx.status
  -- Asked for an endpoint, the balancer had none left (see balancer.lua).
  if state and status == 502 and not state.endpoint then status = 503 end
  local newest = routes:current()
  show(status, state and state.route.pages or newest and newest.pages)
end

return M
