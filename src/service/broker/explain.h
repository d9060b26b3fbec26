#pragma once
// Why a client gets a message, or does not: the facts of the hub, judged step by step. A pure function.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/access.h"
#include "hub/limits.h"
#include "hub/view.h"

namespace dunlin::broker {

struct Question {
  std::string client_id = {};
  std::string topic = {};  // valid
  hub::QoS qos = hub::QoS::at_most_once;
  std::string publisher = {};                     // its client id; empty: anybody
  std::optional<std::size_t> payload_bytes = {};  // of the message
};

/// What the hub knows about it.
struct Evidence {
  std::optional<hub::DeliveryFacts> client;  // absent: there is no such session
  std::optional<hub::SessionView> publisher;
  std::vector<hub::GroupView> groups;    // those that would take the topic for it, with their members
  std::optional<hub::Message> retained;  // of the topic
  hub::Limits limits;
  WallTime now{};
};

struct Step {
  std::string_view check;  // "session", "connection", "subscription", "policy" ...
  enum class Outcome : std::uint8_t { ok, note, problem } outcome = Outcome::ok;
  std::string text;
};

/// `verdict` is a stable word:
///   delivered         it would be sent at once
///   delayed           it would be sent after what waits already
///   queued            it would wait until the client comes back
///   shared            one member of a shared group gets it, perhaps this one
///   shared_other      another member of its group gets it
///   no_session, no_subscription, policy_denied, publisher_denied, no_local, offline, queue_full,
///   packet_too_large  it would not arrive, for this reason
struct Explanation {
  std::string_view verdict;
  std::string summary;
  std::vector<Step> steps;
};

/// Whether the verdict means that the client gets the message, now or later ("shared": perhaps).
bool arrives(std::string_view verdict);

Explanation explain(const Question& question, const Evidence& evidence, const hub::Authorizer& authorize);

}  // namespace dunlin::broker
