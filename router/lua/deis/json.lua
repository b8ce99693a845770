-- JSON as this router speaks it. An empty Lua table could be a list or an object, so the two are told apart by name.
local cjson = require "cjson.safe"

local M = { decode = cjson.decode, encode = cjson.encode }

function M.list(items)
  return #items == 0 and "[]" or cjson.encode(items)
end

-- An object of texts that are JSON already, in the order of their names.
function M.object(fields)
  local names, parts = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = cjson.encode(name) .. ":" .. fields[name] end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
