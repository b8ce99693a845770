-- How people write values in the store, and what they mean here. Every reader gives the value, or nil and the rest of a sentence
-- about the key: `is "banana", not a size such as 50m`.
local bit = require "bit"

local byte, char, concat = string.byte, string.char, table.concat
local M = {}

local function refuse(text, wanted)
  return nil, 'is "' .. text .. '", not ' .. wanted
end

local words = {
  ["true"] = true, on = true, yes = true, ["1"] = true,
  ["false"] = false, off = false, no = false, ["0"] = false, [""] = false,
}

function M.switch(text)
  local value = words[text:lower()]
  if value == nil then return refuse(text, "true or false") end
  return value
end

local size_units = { [""] = 1, k = 1024, m = 1024 ^ 2, g = 1024 ^ 3 }

-- Bytes, as nginx writes sizes: 512, 64k, 50m, 2g.
function M.size(text)
  local digits, unit = text:match("^(%d+)([kKmMgG]?)$")
  if not digits or #digits > 12 then return refuse(text, "a size such as 50m") end
  return tonumber(digits) * size_units[unit:lower()]
end

local time_units = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }

-- Seconds, as nginx writes times: 30, 500ms, 20m, 1h30m. Zero is refused: nginx knows no endless wait. No wait exceeds 24 days,
-- because nginx counts milliseconds in 31 bits.
function M.time(text)
  local total, rest = 0, text
  if rest:find("^%d+$") then rest = rest .. "s" end
  while rest ~= "" do
    local digits, unit, after = rest:match("^(%d+)(m?[smhdw]?)(.*)$")
    if unit and not time_units[unit] then unit, after = unit:sub(1, 1), unit:sub(2) .. after end
    if not digits or #digits > 9 or not time_units[unit] then return refuse(text, "a time such as 30s or 20m") end
    total, rest = total + tonumber(digits) * time_units[unit], after
  end
  if total <= 0 or total > 2073600 then return refuse(text, "a time such as 30s or 20m, above zero and up to 24d") end
  return total
end

-- A whole number from `least` to `most`.
function M.number(text, least, most)
  local value = text:find("^%d+$") and #text <= 9 and tonumber(text)
  if not value or value < least or value > most then
    return refuse(text, "a whole number from " .. least .. " to " .. most)
  end
  return value
end

local function ipv4_bytes(text)
  local a, b, c, d = text:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  if not a then return nil end
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if a > 255 or b > 255 or c > 255 or d > 255 then return nil end
  return char(a, b, c, d)
end

-- The groups on one side of `::`, as bytes.
local function ipv6_groups(text)
  if text == "" then return "" end
  local out, rest = {}, text .. ":"
  while rest ~= "" do
    local group, after = rest:match("^([^:]+):(.*)$")
    if not group then return nil end
    if group:find(".", 1, true) then
      local tail = after == "" and ipv4_bytes(group)
      if not tail then return nil end
      out[#out + 1] = tail
    else
      if not group:find("^%x%x?%x?%x?$") then return nil end
      local value = tonumber(group, 16)
      out[#out + 1] = char(bit.rshift(value, 8), bit.band(value, 255))
    end
    rest = after
  end
  return concat(out)
end

local function ipv6_bytes(text)
  local left, right = text:match("^(.-)::(.*)$")
  if not left then
    local all = text:find(":", 1, true) and ipv6_groups(text)
    return all and #all == 16 and all or nil
  end
  local head, tail = ipv6_groups(left), ipv6_groups(right)
  if not head or not tail or #head + #tail > 14 then return nil end
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

-- An address as the bytes that nginx's $binary_remote_addr has: 4 for IPv4, 16 for IPv6.
function M.address_bytes(text)
  return ipv4_bytes(text) or ipv6_bytes(text)
end

-- `host:port` with an IP address: { address = "10.0.0.1:80", host = "10.0.0.1", port = 80 }. IPv6 stands in brackets.
function M.endpoint(text)
  local host, digits = text:match("^(.+):(%d+)$")
  local port = digits and #digits <= 5 and tonumber(digits)
  local bare = host and (host:match("^%[(.+)%]$") or host)
  local bytes = bare and M.address_bytes(bare)
  if not bytes or not port or port < 1 or port > 65535 or (#bytes == 16) ~= (bare ~= host) then
    return refuse(text, "an IP address and port such as 10.0.0.1:8080")
  end
  return { address = text, host = host, port = port }
end

-- `address` or `address/bits`: { bytes, bits }.
function M.network(text)
  local address, digits = text:match("^([^/]+)/(%d%d?%d?)$")
  local bytes = M.address_bytes(address or text)
  local bits = digits and tonumber(digits) or (bytes and #bytes * 8)
  if not bytes or bits > #bytes * 8 then return refuse(text, "an address or network such as 10.1.0.0/16") end
  return { bytes = bytes, bits = bits }
end

-- Whether an address, as bytes, lies in a network.
function M.within(address, network)
  local bytes, bits = network.bytes, network.bits
  if #address ~= #bytes then return false end
  local whole = bit.rshift(bits, 3)
  if address:sub(1, whole) ~= bytes:sub(1, whole) then return false end
  local left = bits - whole * 8
  if left == 0 then return true end
  local shift = 8 - left
  return bit.rshift(byte(address, whole + 1), shift) == bit.rshift(byte(bytes, whole + 1), shift)
end

return M
