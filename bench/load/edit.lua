-- Each thread, of one connection, writes a note of its own and names the version it wrote last.
-- Arguments: the text, the path before the id, then an id for each thread.
dofile(os.getenv("LOAD") .. "/report.lua")

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  body, path = args[1], args[2] .. args[2 + number]
  version = 1
end

function request()
  local headers = { ["Content-Type"] = "application/json", ["If-Match"] = '"' .. version .. '"' }
  return wrk.format("PUT", path, headers, body)
end

function response(status, headers, answer)
  if status == 200 then
    version = tonumber(answer:match('"version": ?(%d+)'))
  end
end
