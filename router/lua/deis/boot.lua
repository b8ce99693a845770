-- What happens in nginx's master when it takes its configuration, before any worker runs: the modules are loaded, the structure is
-- read, and after a start (not a reload, which keeps shared memory) the tables are taken from the files of the last push. So an
-- nginx that was killed serves at once what it served before.
local structure = require "deis.structure"
local tables = require "deis.tables"

local admission = require "deis.admission"
local answers = require "deis.answers"
local statistics = require "deis.statistics"

-- What nginx.conf calls. A global, because `require` in each phase of each request would keep LuaJIT from compiling them.
deis = {
  admission = admission.run,
  measured = admission.measured,
  balancer = require("deis.balancer").run,
  ending = require("deis.ending").run,
  own_answer = answers.own,
  failure = answers.failure,
  health = answers.health,
  certificate = require("deis.certificates").present,
  control = require("deis.control").run,
  metrics = statistics.print,
}

-- `directory` is where the rendered files are.
return function(directory)
  -- What is live is the tables, and looking through all of them is what collecting costs; the garbage of a request is 150 bytes.
  collectgarbage("setpause", 400)
  structure.load(directory .. "nginx.conf")
  for name, table_of in pairs(tables) do
    local text = not table_of:answer() and structure.read(directory .. name .. ".json")
    if text then
      local done, _, message = table_of:replace(text)
      if not done then ngx.log(ngx.ERR, "cannot take up ", name, ".json: ", message) end
    end
  end
end
