// What a statement may ask of the message and of its surroundings.

#include <algorithm>
#include <array>
#include <string>

#include "base/base64.h"
#include "base/hex.h"
#include "base/rng.h"
#include "hub/topic.h"
#include "service/rules/conversion.h"
#include "service/rules/functions.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

Value text_or_undefined(std::string_view text) {
  return text.empty() ? Value() : Value::text(text);
}

Value topic(Evaluation& evaluation, Arguments arguments) {
  if (arguments.empty()) return Value::text(evaluation.context.topic);
  const auto wanted = to_whole(arguments[0], evaluation);
  if (!wanted || *wanted < 1) return {};
  hub::LevelSplit split = hub::split_level(evaluation.context.topic);
  for (std::int64_t level = 1; level < *wanted; ++level) {
    if (!split.more) return {};
    split = hub::split_level(split.rest);
  }
  return Value::text(split.level);
}

Value client_id(Evaluation& evaluation, Arguments) {
  return Value::text(evaluation.context.client_id.empty() ? "n/a" : evaluation.context.client_id);
}
Value principal(Evaluation& evaluation, Arguments) {
  return text_or_undefined(evaluation.context.principal);
}
Value source_ip(Evaluation& evaluation, Arguments) {
  return text_or_undefined(evaluation.context.source_ip);
}
Value account_id(Evaluation& evaluation, Arguments) {
  return evaluation.text(std::to_string(evaluation.context.tenant.value));
}
Value timestamp(Evaluation& evaluation, Arguments) {
  return Value::whole(unix_milliseconds(evaluation.context.received_at));
}
Value new_uuid(Evaluation& evaluation, Arguments) {
  return evaluation.text(evaluation.rng.uuid());
}
Value sql_version(Evaluation&, Arguments) {
  return Value::text("2016-03-23");
}

/// The message's 64-bit trace id in the form of a UUID: the same number in its last sixteen digits.
Value trace_id(Evaluation& evaluation, Arguments) {
  std::uint64_t id = evaluation.context.trace_id;
  if (id == 0) return {};
  std::array<std::uint8_t, 8> bytes{};
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, id >>= 8U)
    *byte = static_cast<std::uint8_t>(id);
  const std::string digits = to_hex(bytes);
  return evaluation.text("00000000-0000-0000-" + digits.substr(0, 4) + "-" + digits.substr(4));
}

Value mqtt_property(Evaluation& evaluation, Arguments arguments) {
  const hub::Properties* const properties = evaluation.context.properties;
  if (properties == nullptr || !arguments[0].is_text()) return {};
  const std::string_view name = arguments[0].characters();
  if (name == "content_type") return text_or_undefined(properties->content_type);
  if (name == "response_topic") return text_or_undefined(properties->response_topic);
  if (name == "correlation_data" && !properties->correlation_data.empty())
    return evaluation.text(to_base64(as_bytes(properties->correlation_data)));
  if (name == "format_indicator" && properties->payload_format)
    return Value::text(*properties->payload_format == 1 ? "UTF8_DATA" : "UNSPECIFIED_BYTES");
  return {};
}

/// The values of one key in their order.
Value user_values(Evaluation& evaluation, std::string_view key) {
  const auto& all = evaluation.context.properties->user;
  const auto values =
      evaluation.spend(1 + all.size()) ? evaluation.arena.items<Value>(all.size()) : std::span<Value>();
  std::size_t count = 0;
  for (const auto& [name, value] : all) {
    if (name == key && !values.empty()) values[count++] = Value::text(value);
  }
  return count == 0 ? Value() : Value::array(values.first(count));
}

Value user_properties(Evaluation& evaluation, Arguments arguments) {
  if (evaluation.context.properties == nullptr || evaluation.context.properties->user.empty()) return {};
  if (!arguments.empty())
    return arguments[0].is_text() ? user_values(evaluation, arguments[0].characters()) : Value();
  const auto& all = evaluation.context.properties->user;
  const auto members = evaluation.arena.items<Member>(all.size());
  std::size_t count = 0;
  for (const auto& [name, value] : all) {
    const auto before = members.first(count);
    if (!evaluation.spend(1 + count / 4)) return {};
    if (std::ranges::find(before, std::string_view(name), &Member::name) != before.end()) continue;
    if (count == members.size()) return {};
    members[count++] = {name, user_values(evaluation, name)};
  }
  return Value::object(members.first(count));
}

constexpr std::array<Function, 11> kFunctions{{{"topic", 0, 1, topic},
                                               {"clientid", 0, 0, client_id},
                                               {"principal", 0, 0, principal},
                                               {"accountid", 0, 0, account_id},
                                               {"sourceip", 0, 0, source_ip},
                                               {"traceid", 0, 0, trace_id},
                                               {"timestamp", 0, 0, timestamp},
                                               {"newuuid", 0, 0, new_uuid},
                                               {"sql_version", 0, 0, sql_version},
                                               {"get_mqtt_property", 1, 1, mqtt_property},
                                               {"get_user_properties", 0, 1, user_properties}}};

}  // namespace

std::span<const Function> message_functions() {
  return kFunctions;
}

}  // namespace dunlin::rules
