#include "edge/local_access.h"

#include <algorithm>
#include <cctype>

#include "base/core/assert.h"
#include "edge/service_topics.h"
#include "hub/topic.h"
#include "net/connection.h"
#include "security/crypto.h"

namespace dunlin::edge {
namespace {

std::vector<security::TopicPattern> compile(const std::vector<std::string>& patterns) {
  std::vector<security::TopicPattern> compiled;
  for (const std::string& pattern : patterns) {
    auto source = security::TopicPattern::parse(pattern);
    DUNLIN_ASSERT(source.has_value());  // check() has refused others
    compiled.push_back(*std::move(source));
  }
  return compiled;
}

bool can_be_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         name.find_first_of(std::string_view("/+#$\0", 5)) == std::string_view::npos &&
         hub::check_topic(name).has_value();
}

bool is_for_services(std::string_view topic) {
  return std::ranges::any_of(kServiceFilters,
                             [topic](std::string_view filter) { return hub::filter_matches(filter, topic); });
}

/// The address that a peer's text begins with: "127.0.0.1:4711", "[::1]:4711".
bool is_loopback(std::string_view peer) {
  const auto endpoint = net::parse_endpoint(peer);
  return endpoint && endpoint->is_loopback();
}

}  // namespace

LocalAccess::LocalAccess(const GatewayConfig& config)
    : anonymous_allow_(compile({"#", "$dunlin/things/#"})),
      anonymous_(config.anonymous_on_loopback ? Anonymous::on_loopback : Anonymous::refused) {
  for (const LocalDevice& device : config.devices) {
    std::vector<std::string> patterns = device.allow;
    patterns.emplace_back("+/+/+/${thing.name}/#");
    patterns.emplace_back("$dunlin/things/${thing.name}/#");
    std::string digest = device.token_sha256;
    std::ranges::transform(digest, digest.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    devices_.emplace(device.name, Known{std::move(digest), compile(patterns)});
  }
}

Result<PrincipalRef> LocalAccess::authenticate(const hub::Credentials& credentials) const {
  auto principal = std::make_shared<Principal>();
  principal->kind = PrincipalKind::device;
  principal->client_id = credentials.client_id;
  if (credentials.password) {
    const auto device = devices_.find(credentials.username.value_or(credentials.client_id));
    // An unknown name costs the same as a wrong token.
    const std::string expected =
        device == devices_.end() ? std::string(64, '0') : device->second.token_sha256;
    const bool proven =
        security::constant_time_equal(security::sha256_hex(as_bytes(*credentials.password)), expected);
    if (!proven || device == devices_.end()) return fail(Errc::unauthenticated, "name or token is wrong");
    principal->name = device->first;
    principal->proof = Proof::token;
    return principal;
  }
  if (anonymous_ == Anonymous::refused || !is_loopback(credentials.address)) {
    return fail(Errc::unauthenticated, "a name and a token are needed");
  }
  principal->name = credentials.username.value_or(credentials.client_id);
  if (!can_be_name(principal->name))
    return fail(Errc::invalid_argument, "the name must be one topic level without / + # $");
  // Without proof nobody becomes a device that has a token.
  if (devices_.contains(principal->name)) return fail(Errc::unauthenticated, "name or token is wrong");
  return principal;
}

const std::vector<security::TopicPattern>& LocalAccess::patterns_of(const Principal& principal) const {
  const auto device = devices_.find(principal.name);
  return device != devices_.end() && principal.proof == Proof::token ? device->second.allow
                                                                     : anonymous_allow_;
}

Result<void> LocalAccess::authorize(const Principal& principal, hub::Action action,
                                    std::string_view topic) const {
  if (action == hub::Action::connect) return {};
  if (action == hub::Action::publish && topic.starts_with('$') && !is_for_services(topic)) {
    return fail(Errc::permission_denied, "only the platform and the gateway publish here");
  }
  const security::TopicPattern::For whom{principal, security::Effect::allow};
  const auto allows = [&](const security::TopicPattern& pattern) {
    return action == hub::Action::subscribe ? pattern.covers(topic, whom) : pattern.matches(topic, whom);
  };
  if (std::ranges::any_of(patterns_of(principal), allows)) return {};
  return fail(Errc::permission_denied, "this gateway does not allow " + principal.name + " this topic");
}

}  // namespace dunlin::edge
