-- One path after the other, from the first again when all are over. Arguments: the paths.
dofile(os.getenv("LOAD") .. "/report.lua")

function init(args)
  paths = args
  number = 0
end

function request()
  number = number % #paths + 1
  return wrk.format("GET", paths[number])
end
