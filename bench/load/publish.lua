-- The same note again and again, each time with another key. Argument: the text.
dofile(os.getenv("LOAD") .. "/report.lua")

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  body = args[1]
  start = tostring(os.time()) .. "-" .. tostring({}):match("0x(%x+)") .. "-" .. number .. "-"
  count = 0
end

function request()
  count = count + 1
  local headers = { ["Content-Type"] = "application/json", ["Idempotency-Key"] = start .. count }
  return wrk.format("POST", nil, headers, body)
end
