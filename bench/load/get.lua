-- The same GET again and again. Arguments: headers, each as "Name: value".
dofile(os.getenv("LOAD") .. "/report.lua")

function init(args)
  for _, header in ipairs(args) do
    local name, value = header:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end
