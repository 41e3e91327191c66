-- wrk: tells how many requests were refused; rates of such a run count for nothing. Started from the root of the sources.
return function(summary)
  if summary.errors.status > 0 then
    io.write("Refused: " .. summary.errors.status .. "\n")
  end
end
