-- SHA-256 as lower-case hexadecimal digits, by the OpenSSL that nginx is linked with.
local ffi = require "ffi"

ffi.cdef [[ unsigned char *SHA256(const unsigned char *data, size_t length, unsigned char *digest); ]]

local out = ffi.new("unsigned char[32]")

return function(text)
  ffi.C.SHA256(text, #text, out)
  return (ffi.string(out, 32):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end
