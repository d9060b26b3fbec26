// The stored form of second factors; docs/security.md.

#include <boost/json.hpp>

#include "security/limits.h"
#include "security/second_factor.h"

namespace dunlin::security {
namespace {

namespace json = boost::json;
using State = SecondFactorRecord::State;

}  // namespace

Result<SecondFactorRecord> second_factor_of(const store::Document& stored) {
  const auto broken = [] { return fail(Errc::corrupt, "a stored second factor cannot be read"); };
  json::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  const json::value value = json::parse(stored.body, error, {}, options);
  if (error || !value.is_object()) return broken();
  const json::object& body = value.get_object();
  const auto text = [&](std::string_view name) {
    const json::value* found = body.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto number = [&](std::string_view name) {
    const json::value* found = body.if_contains(name);
    return found != nullptr && found->is_int64() ? found->get_int64() : std::int64_t{-1};
  };
  SecondFactorRecord record;
  record.user = stored.id;
  record.salt = text("salt");
  record.created_at = number("created_at");
  const std::string state = text("state");
  const std::int64_t step = number("used_step");
  const json::value* codes = body.if_contains("recovery");
  if (record.salt.empty() || record.created_at < 0 || step < 0 || codes == nullptr || !codes->is_array() ||
      codes->get_array().size() > kRecoveryCodes || (state != "pending" && state != "active")) {
    return broken();
  }
  record.state = state == "active" ? State::active : State::pending;
  record.used_step = static_cast<std::uint64_t>(step);
  for (const json::value& code : codes->get_array()) {
    if (!code.is_string()) return broken();
    record.recovery.emplace_back(code.get_string());
  }
  return record;
}

store::Document document_of(const SecondFactorRecord& record) {
  const json::object body{{"salt", record.salt},
                          {"state", record.state == State::active ? "active" : "pending"},
                          {"used_step", static_cast<std::int64_t>(record.used_step)},
                          {"recovery", json::array(record.recovery.begin(), record.recovery.end())},
                          {"created_at", record.created_at}};
  return {.id = record.user, .version = 0, .body = json::serialize(body), .index = {}};
}

}  // namespace dunlin::security
