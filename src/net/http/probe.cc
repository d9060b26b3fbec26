#include "net/http/probe.h"

namespace dunlin::net::http {
namespace {

metrics::Cell& answers(metrics::Registry& registry, const char* status) {
  return registry.counter("dunlin_http_responses_total", "HTTP responses by class of status",
                          {{"status", status}});
}

}  // namespace

Probe::Probe(metrics::Registry& registry)
    : connections(registry.gauge("dunlin_http_connections", "Open HTTP connections")),
      connections_refused(
          registry.counter("dunlin_http_connections_refused_total", "HTTP connections past the limit")),
      requests(registry.counter("dunlin_http_requests_total", "Complete HTTP requests")),
      refusals(
          registry.counter("dunlin_http_refusals_total", "HTTP requests that broke the protocol or a limit")),
      timeouts(registry.counter("dunlin_http_timeouts_total", "HTTP peers that were too slow")),
      upgrades(
          registry.counter("dunlin_http_upgrades_total", "HTTP connections handed over to another protocol")),
      answers_2xx(answers(registry, "2xx")),
      answers_3xx(answers(registry, "3xx")),
      answers_4xx(answers(registry, "4xx")),
      answers_5xx(answers(registry, "5xx")) {}

}  // namespace dunlin::net::http
