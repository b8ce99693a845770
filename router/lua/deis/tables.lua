-- The two tables that are pushed: routes and certificates. One of each in a worker.
local certificates = require "deis.certificates"
local routes = require "deis.routes"
local shared_table = require "deis.shared_table"

return {
  routes = shared_table.new(ngx.shared.deis_routes, routes.compile),
  certs = shared_table.new(ngx.shared.deis_certs, certificates.compile),
}
