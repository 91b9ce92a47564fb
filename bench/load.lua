-- The load of wrk: a GET, or a POST if a body is given. Prints the figures as JSON.
function init(args)
   if args[1] then
      wrk.method, wrk.body = "POST", args[1]
      wrk.headers["Content-Type"] = "application/json"
   end
end

function done(summary, latency, requests)
   local failed = summary.errors
   io.write(string.format(
      '\n{"rate": %f, "count": %d, "p50": %f, "p99": %f, "p999": %f, "refused": %d, "lost": %d}\n',
      summary.requests / summary.duration * 1e6, summary.requests,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
      failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
