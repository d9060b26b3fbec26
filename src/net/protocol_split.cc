#include "net/protocol_split.h"

#include <algorithm>
#include <string>

#include "base/log.h"

namespace dunlin::net {
namespace {

using Verdict = FirstBytes::Verdict;

constexpr std::uint8_t kConnect = 0x10;  // type 1, flags 0: MQTT 5.0 section 3.1.1
constexpr std::array<std::string_view, 7> kMethods{"GET ",    "HEAD ",  "POST ",   "PUT ",
                                                   "DELETE ", "PATCH ", "OPTIONS "};
constexpr std::size_t kLongestMethod = 8;

enum class Match : std::uint8_t { no, perhaps, yes };

Match begins_with_method(std::string_view text) {
  Match best = Match::no;
  for (const std::string_view method : kMethods) {
    if (text.starts_with(method)) return Match::yes;
    if (method.starts_with(text)) best = Match::perhaps;
  }
  return best;
}

}  // namespace

ProtocolSplit::ProtocolSplit(metrics::Registry& registry, Options options, Owners owners)
    : owners_(std::move(owners)),
      refusals_(options.refusals),
      mqtt_(registry.counter("dunlin_net_split_total", "Connections of shared ports, by protocol.",
                             {{"protocol", "mqtt"}})),
      http_(registry.counter("dunlin_net_split_total", "Connections of shared ports, by protocol.",
                             {{"protocol", "http"}})),
      refused_{},
      waiting_(
          {options.deadline, options.max_waiting, kLongestMethod},
          [this](Connection& connection, ByteView bytes) { return judge(connection.peer(), bytes); },
          [this](const PeerInfo& peer, FirstBytes::Refusal refusal, std::string_view why) {
            refused(peer, refusal, why);
          }) {
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    const auto name = refusal_name(static_cast<FirstBytes::Refusal>(i));
    refused_[i] = &registry.counter("dunlin_net_split_refused_total",
                                    "Connections of shared ports that spoke neither protocol.",
                                    {{"reason", std::string(name)}});
  }
}

Verdict ProtocolSplit::to_mqtt() {
  mqtt_.add();
  return {Verdict::Status::take, 0, &owners_.mqtt, {}};
}

Verdict ProtocolSplit::to_http() {
  http_.add();
  return {Verdict::Status::take, 0, &owners_.http, {}};
}

Verdict ProtocolSplit::judge(const PeerInfo& peer, ByteView bytes) {
  // What was settled holds: a client must not be led into speaking one protocol to the other's owner.
  if (peer.application_protocol == "mqtt") return to_mqtt();
  if (peer.application_protocol == "http/1.1") return to_http();
  if (bytes.empty()) return {};
  if (bytes.front() == kConnect) return to_mqtt();
  const Match match = begins_with_method(as_text(bytes.first(std::min(bytes.size(), kLongestMethod))));
  if (match == Match::yes) return to_http();
  if (match == Match::perhaps) return {};
  return {Verdict::Status::refuse, 0, nullptr, "neither MQTT nor HTTP"};
}

void ProtocolSplit::refused(const PeerInfo& peer, FirstBytes::Refusal refusal, std::string_view why) {
  refused_[static_cast<std::size_t>(refusal)]->add();
  if (refusals_ != nullptr) {
    refusals_->refused({.kind = RefusalKind::first_bytes, .address = peer.address.host, .reason = why});
  }
  log::refusal("net", "connection refused on a shared port: " + std::string(why), peer.address.host,
               {{"reason", refusal_name(refusal)}});
}

}  // namespace dunlin::net
