-- A number in memory that all workers share, to be looked at for every request: reading it costs no lock and no search, as reading a
-- shared dictionary does. It is a page of anonymous memory that the master maps before it forks. Its address stands in the
-- dictionary, because a reload makes a new Lua state in the same master, and the workers of before and after it must share one page.
local ffi = require "ffi"

ffi.cdef [[ void *mmap(void *address, size_t length, int protection, int flags, int file, long offset); ]]

local readable_and_writable, shared_and_anonymous, page = 3, 0x21, 4096

-- The cell of this dictionary, as an array of one number. To be called in the master.
return function(dictionary)
  local address = dictionary:get("cell")
  if not address then
    local memory = ffi.C.mmap(nil, page, readable_and_writable, shared_and_anonymous, -1, 0)
    address = tonumber(ffi.cast("intptr_t", memory))
    if address == -1 then error("no memory to share between workers") end
    dictionary:set("cell", address)
  end
  return ffi.cast("volatile double *", ffi.cast("intptr_t", address))
end
