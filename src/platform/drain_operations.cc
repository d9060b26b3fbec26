#include "platform/drain_operations.h"

#include <algorithm>
#include <boost/json.hpp>

#include "model/json_fields.h"

namespace dunlin::platform {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr std::size_t kMaxReferenceBytes = 256;
constexpr std::int64_t kMaxDrainSeconds = 24 * 3600;

constexpr Field kDrainRequest[] = {
    {"to", FieldType::text, Need::optional, "host:port that MQTT 5 clients are told (Server Reference)"},
    {"seconds", FieldType::integer, Need::optional,
     "over which present clients are sent away, 0 to 86400 (30)"},
    {"permanent", FieldType::boolean, Need::optional, "the server has moved (0x9D) instead of 0x9C"}};
constexpr Field kState[] = {{"state", FieldType::text, Need::required, "serving or draining"},
                            {"to", FieldType::text, Need::optional, "what clients are told"},
                            {"permanent", FieldType::boolean, Need::optional, "whether for good"}};
constexpr Errc kDrainErrors[] = {Errc::invalid_argument};

constexpr model::OperationSpec kDrain{"system.drain",
                                      model::Method::post,
                                      "/api/system/drain",
                                      "Take no MQTT client any more and send present ones away.",
                                      "system:write",
                                      kDrainRequest,
                                      kState,
                                      kDrainErrors};
constexpr model::OperationSpec kResume{"system.resume",
                                       model::Method::post,
                                       "/api/system/resume",
                                       "Take MQTT clients again.",
                                       "system:write",
                                       {},
                                       kState,
                                       {}};

Result<transport::DrainOptions> read(const boost::json::object& request) {
  transport::DrainOptions options;
  options.reference = model::optional_text(request, "to").value_or("");
  // Section 4.11 separates several references by blanks; nothing else of a host and port is odd.
  const auto fits = [](char c) { return c >= 0x20 && c <= 0x7E; };
  if (options.reference.size() > kMaxReferenceBytes || !std::ranges::all_of(options.reference, fits))
    return fail(Errc::invalid_argument, "\"to\" must be host:port, of at most 256 characters");
  const std::int64_t seconds = model::optional_integer(request, "seconds").value_or(30);
  if (seconds < 0 || seconds > kMaxDrainSeconds)
    return fail(Errc::invalid_argument, "\"seconds\" must be between 0 and 86400");
  options.spread = std::chrono::seconds{seconds};
  if (model::optional_boolean(request, "permanent").value_or(false))
    options.lasts = transport::DrainOptions::Lasts::for_good;
  return options;
}

}  // namespace

boost::json::object drain_state(const transport::MqttServer& mqtt) {
  const auto drain = mqtt.draining();
  if (!drain) return {{"state", "serving"}};
  return {{"state", "draining"},
          {"to", drain->reference},
          {"permanent", drain->lasts == transport::DrainOptions::Lasts::for_good}};
}

void declare_drain(model::OperationTable& table, transport::MqttServer& mqtt) {
  table.add(kDrain, [&mqtt](const model::Caller&, boost::json::object request, model::Reply reply) {
    auto options = read(request);
    if (!options) return reply(std::unexpected(options.error()));
    mqtt.drain(*std::move(options));
    reply(boost::json::value(drain_state(mqtt)));
  });
  table.add(kResume, [&mqtt](const model::Caller&, boost::json::object, model::Reply reply) {
    mqtt.resume();
    reply(boost::json::value(drain_state(mqtt)));
  });
}

std::vector<model::OperationSpec> drain_operations() {
  return {kDrain, kResume};
}

}  // namespace dunlin::platform
