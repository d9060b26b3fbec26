#pragma once
// POST /api/series/senml: a pack of measurements (RFC 8428), as JSON or CBOR. docs/guide/ingest.md.

#include "net/http/router.h"
#include "service/series/sample_operations.h"
#include "transport/http/api.h"

namespace dunlin::transport {

/// The HTTP server's executor only, which is that of the samples. Both must outlive it.
class PackRoutes {
 public:
  PackRoutes(Api& api, series::SampleOperations& samples, Executor& executor)
      : api_(api), samples_(samples), executor_(executor) {}

  void mount(net::http::Router& router);

 private:
  using Request = net::http::Request;
  using Responder = net::http::Responder;
  void serve(Request request, Responder responder);
  void store(const model::Caller& caller, Request request, Responder responder);

  Api& api_;
  series::SampleOperations& samples_;
  Executor& executor_;
};

}  // namespace dunlin::transport
