-- A table that is pushed at run time and that every worker uses from the moment the push was answered.
--
-- The body stands in a shared dictionary under its version. Every use compares the version with that of the worker's own
-- compiled copy, which costs one look at a number; on a difference the worker compiles the body anew. A new body is
-- stored before the version moves and the old one removed after, so a reader finds a whole body whenever it looks. A body
-- that cannot be read, or for which there is no room, changes nothing. The dictionary outlives reloads.
local digest = require "deis.digest"
local json = require "deis.json"
local version_cell = require "deis.version_cell"

local M = {}
M.__index = M

-- deis-confd's templates write strings by Go's %q, which is JSON but for the escapes of unprintable bytes.
local go_escapes = { a = "\\u0007", v = "\\u000b", x = "\\u00" }

-- The keys and values of a body, or nil and why not.
local function decode(body)
  if not body:find("^%s*{") then return nil, "it is no JSON object" end
  local keys, message = json.decode(body)
  if not keys then keys = json.decode((body:gsub("\\(.)", go_escapes):gsub("\\U%x%x%x%x%x%x%x%x", "?"))) end
  if not keys then return nil, message end
  for key, value in pairs(keys) do
    if type(value) ~= "string" then return nil, "the value of " .. key .. " is no string" end
  end
  return keys
end

-- `compile` makes of the decoded object what the workers use, and a list of problems: { key, message }.
function M.new(dictionary, compile)
  return setmetatable({ dictionary = dictionary, compile = compile, cell = version_cell(dictionary), version = 0 }, M)
end

-- What the last push said, or nil before the first.
function M:current()
  if self.cell[0] == self.version then return self.compiled end
  return self:read()
end

-- Whether another push has come since that version: `current` would give another table.
function M:is_newer_than(version)
  return self.cell[0] ~= version
end

function M:read()
  local dictionary = self.dictionary
  -- A body can vanish between the two looks if another push comes then; the version has moved by that time.
  for _ = 1, 100 do
    local version = self.cell[0]
    local body = dictionary:get("body " .. version)
    local keys = body and decode(body)
    if keys then
      self.compiled = self.compile(keys)
      self.version = version
      return self.compiled
    end
  end
  return self.compiled
end

-- Takes a new body. Gives its answer, and what was in use before; or nil, a status and a sentence.
function M:replace(body)
  local dictionary = self.dictionary
  local keys, message = decode(body)
  if not keys then return nil, 400, "Cannot read the body: " .. message end
  local done, compiled, problems = pcall(self.compile, keys)
  if not done then return nil, 400, "Cannot read the body: " .. tostring(compiled) end
  table.sort(problems, function(a, b) return a.key < b.key end)

  local before = self:current()
  local old = self.cell[0]
  local answer = json.object { digest = json.encode(digest(body)), problems = json.list(problems) }
  local stored, failure = dictionary:safe_set("body " .. old + 1, body)
  if not stored then
    return nil, 413, ("No room for %d bytes beside the table in use: %s"):format(#body, failure)
  end
  dictionary:set("answer", answer)
  self.cell[0] = old + 1
  dictionary:delete("body " .. old)
  self.compiled, self.version = compiled, old + 1
  return answer, before
end

-- What the last push was answered, as JSON: {"digest", "problems": [{"key", "message"}]}. Nil before the first.
function M:answer()
  return self.dictionary:get("answer")
end

return M
