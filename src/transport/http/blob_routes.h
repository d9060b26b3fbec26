#pragma once
// Large binaries over HTTP: POST and PUT /api/blobs, GET /api/blobs/{blob}, piece by piece in both
// directions. docs/guide/blobs.md.

#include <memory>
#include <optional>

#include "net/http/range.h"
#include "net/http/router.h"
#include "service/blob/blob_service.h"
#include "transport/http/api.h"

namespace dunlin::transport {

/// The HTTP server's executor only, which is the service's. Both must outlive it.
class BlobRoutes {
 public:
  BlobRoutes(Api& api, blob::BlobService& blobs) : api_(api), blobs_(blobs) {}

  void mount(net::http::Router& router);

 private:
  using Request = net::http::Request;
  using Responder = net::http::Responder;

  void receive(const Request& request, std::string_view id, net::http::RequestBody body, Responder responder);
  void send(Request request, std::string_view id, Responder responder);
  void send_to(const model::Caller& caller, Request request, const std::string& id, Responder responder);
  void refuse(const model::Caller& caller, const Error& why, Responder responder) const;

  Api& api_;
  blob::BlobService& blobs_;
};

/// What is answered to a request for a blob. 304 and 416 have no range, and so no body.
struct BlobAnswer {
  net::http::Response head;
  std::optional<net::http::ByteRange> range{};
};
/// Conditions first, then ranges (RFC 9110 section 13.2.2). Any thread.
BlobAnswer answer_for(const net::http::Request& request, const store::BlobRecord& record);

}  // namespace dunlin::transport
