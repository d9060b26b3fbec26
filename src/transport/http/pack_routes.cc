#include "transport/http/pack_routes.h"

#include "base/core/assert.h"
#include "model/mapping.h"
#include "model/senml.h"
#include "transport/http/line_routes.h"

namespace dunlin::transport {
namespace {

using model::Sample;
using net::http::Request;

/// By name "DEVICE/CHANNEL", or all of one device.
Result<std::vector<Sample>> samples_of(const Request& request, TenantId tenant, WallTime now) {
  const std::string_view type = request.headers.get("Content-Type").value_or("");
  if (!type.starts_with("application/senml+json") && !type.starts_with("application/senml+cbor"))
    return fail(Errc::unsupported,
                "send it as Content-Type: application/senml+json or application/senml+cbor");
  DUNLIN_TRY(const auto records, model::read_senml(Slice::borrowed(as_bytes(request.body)), now));
  const std::string device(request.parameter("device").value_or(""));
  std::vector<Sample> samples;
  for (const model::SenmlRecord& record : records) {
    Sample& sample = samples.emplace_back();
    sample.tenant = tenant;
    const std::size_t slash = record.name.find('/');
    if (device.empty() && (slash == std::string::npos || slash == 0 || slash + 1 == record.name.size()))
      return fail(Errc::invalid_argument,
                  "a record's name must be DEVICE/CHANNEL, or the query must say ?device=");
    sample.device = device.empty() ? record.name.substr(0, slash) : device;
    sample.channel =
        device.empty() ? record.name.substr(slash + 1) : model::senml_channel(record.name, device, "value");
    sample.t_source = record.time;
    sample.t_server = now;
    sample.unit = record.unit;
    sample.value = record.value;
    sample.origin.protocol = "http";
    const auto* text = std::get_if<std::string>(&sample.value);
    if (text != nullptr && text->size() > series::kMaxTextValueBytes)
      return fail(Errc::limit_exceeded, "a text of the pack is longer than 1024 bytes");
    if (std::holds_alternative<model::Bytes>(sample.value))
      return fail(Errc::unsupported, "bytes (vd) are not stored");
  }
  return samples;
}

}  // namespace

void PackRoutes::mount(net::http::Router& router) {
  const auto added = router.add(net::http::Method::post, "/api/series/senml",
                                [this](Request request, net::http::PathParameters, Responder responder) {
                                  serve(std::move(request), std::move(responder));
                                });
  DUNLIN_ASSERT(added.has_value());
}

void PackRoutes::serve(Request request, Responder responder) {
  auto kept = std::make_unique<Request>(std::move(request));
  const Request& seen = *kept;
  api_.identify(seen, [this, kept = std::move(kept),
                       responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller)
      return responder.send(net::http::error_response(caller.error().code, caller.error().message));
    store(*caller, std::move(*kept), std::move(responder));
  });
}

void PackRoutes::store(const model::Caller& caller, Request request, Responder responder) {
  const auto refuse = [&](const Error& why) {
    api_.tell_refused(caller, why);
    const int status = why.code == Errc::unsupported ? 415 : net::http::status_of(why.code);
    responder.send(net::http::error_response(status, errc_name(why.code), why.message));
  };
  if (const auto allowed = check_series_write(*caller.principal); !allowed) return refuse(allowed.error());
  auto samples = samples_of(request, caller.principal->tenant, executor_.wall_now());
  if (!samples) return refuse(samples.error());
  samples_.store(*std::move(samples), [responder = std::move(responder)](Result<void> stored) mutable {
    if (!stored)
      return responder.send(net::http::error_response(stored.error().code, stored.error().message));
    responder.send({204, {}, {}});
  });
}

}  // namespace dunlin::transport
