-- nginx.conf as it is in force: its digest, and what its template has found wrong with settings. Read when nginx takes the file.
local digest = require "deis.digest"
local json = require "deis.json"

local M = { digest = "", problems = "[]" }

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

-- Reads the file. The template writes `# problem: <key> <sentence>` beside what it has refused.
function M.load(path)
  local text = read(path)
  if not text then return end
  local problems = {}
  for key, rest in text:gmatch("# problem: (%S+) ([^\n]+)") do
    problems[#problems + 1] = { key = key, message = rest }
  end
  M.digest, M.problems = digest(text), json.list(problems)
end

M.read = read
return M
