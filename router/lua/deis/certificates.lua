-- Certificates by server name: the platform's, and those of domains. A name without one gets its wildcard's, else the platform's,
-- else the router's self-made one, which nginx.conf names.
--
-- A pair that cannot be read, or whose key is not its certificate's, is reported and left out. Nothing that is reported shows a key.
local ffi = require "ffi"
local ssl = require "ngx.ssl"

ffi.cdef [[
  void *OPENSSL_sk_value(const void *stack, int index);
  int X509_check_private_key(const void *certificate, const void *key);
  const void *X509_get0_notAfter(const void *certificate);
  int X509_cmp_current_time(const void *time);
  void ERR_clear_error(void);
]]
local C = ffi.C

local M = {}

-- Pairs that this worker has read already, by their text. A push repeats most of them.
local parsed = setmetatable({}, { __mode = "v" })

-- { chain, key } or nil and what is wrong.
local function parse(cert, key)
  local text = cert .. key
  local pair = parsed[text]
  if pair then return pair end
  local chain, problem = ssl.parse_pem_cert(cert)
  if not chain then return nil, "cannot be read as certificates in PEM: " .. problem end
  local private, trouble = ssl.parse_pem_priv_key(key)
  if not private then return nil, "cannot be used: its key cannot be read as a private key in PEM: " .. trouble end
  local leaf = C.OPENSSL_sk_value(chain, 0)
  if C.X509_check_private_key(leaf, private) ~= 1 then
    return nil, "cannot be used: its key belongs to another certificate"
  end
  pair = { chain = chain, key = private, text = text, expired = C.X509_cmp_current_time(C.X509_get0_notAfter(leaf)) < 0 }
  parsed[text] = pair
  return pair
end

-- Makes the table of the keys that certs.json has. Gives it and its problems.
function M.compile(keys)
  local problems, names, platform = {}, {}, nil
  local function pair_of(cert_key, key_key)
    local cert, key = keys[cert_key], keys[key_key]
    local pair, problem
    if not key then problem = "cannot be used without " .. key_key
    else pair, problem = parse(cert, key) end
    if not pair then problems[#problems + 1] = { key = cert_key, message = problem }
    elseif pair.expired then
      problems[#problems + 1] = { key = cert_key, message = "has expired; it is used none the less" }
    end
    return pair
  end
  for key in pairs(keys) do
    local domain = key:match("^/deis/certs/(.+)/cert$")
    if domain then names[domain:lower():gsub("%.$", "")] = pair_of(key, "/deis/certs/" .. domain .. "/key") end
  end
  if keys["/deis/router/sslCert"] then platform = pair_of("/deis/router/sslCert", "/deis/router/sslKey") end
  -- OpenSSL keeps what failed here in a queue of the thread, where the next handshake would take it for its own failure.
  C.ERR_clear_error()
  return { names = names, platform = platform }, problems
end

-- The pair for a handshake. A wildcard stands for one label, as RFC 6125 has it.
local function pair_for(newest, name)
  if not name then return newest.platform end
  name = name:lower()
  return newest.names[name] or newest.names["*." .. (name:match("^[^.]+%.(.+)$") or "")] or newest.platform
end

-- Gives the handshake its certificate. If that cannot be done the self-made one stands.
function M.present()
  local newest = require("deis.tables").certs:current()
  local pair = newest and pair_for(newest, (ssl.server_name()))
  if not pair then return end
  ssl.clear_certs()
  local done, problem = ssl.set_cert(pair.chain)
  if done then done, problem = ssl.set_priv_key(pair.key) end
  if not done then ngx.log(ngx.ERR, "cannot present a certificate: ", problem) end
end

return M
