#include "service/alarm/device_word.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/core/utf8.h"
#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::alarm {
namespace {

constexpr std::string_view kThings = "$dunlin/things/";
constexpr std::string_view kAlarms = "/alarms/";
constexpr std::size_t kMaxWordDepth = 4;

bool is_control(unsigned char letter) {
  return letter < 0x20 || letter == 0x7f;
}

Result<std::string> text_member(const boost::json::object& word, std::string_view name, std::string absent) {
  const auto* value = word.if_contains(name);
  if (value == nullptr) return absent;
  if (value->is_string()) return std::string(value->get_string());
  return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be a text");
}

}  // namespace

DeviceTopic device_topic_of(std::string_view topic) {
  if (!topic.starts_with(kThings)) return {};
  topic.remove_prefix(kThings.size());
  const std::size_t end = topic.find('/');
  if (end == std::string_view::npos || !topic.substr(end).starts_with(kAlarms)) return {};
  return {topic.substr(0, end), topic.substr(end + kAlarms.size())};
}

Result<void> check_alarm_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kMaxNameBytes &&
                    name.find_first_of("/+#~") == std::string_view::npos &&
                    std::ranges::none_of(name, is_control) && is_valid_utf8(name);
  if (fits) return {};
  return fail(Errc::invalid_argument,
              "an alarm's name is 1 to 128 bytes without / + # ~ and control characters");
}

Result<DeviceWord> parse_device_word(std::string_view payload) {
  if (payload.size() > kMaxWordBytes)
    return fail(Errc::limit_exceeded, "what is said of an alarm may have 4096 bytes");
  boost::json::parse_options options;
  options.max_depth = kMaxWordDepth;
  boost::system::error_code error;
  const auto value = boost::json::parse(payload, error, {}, options);
  if (error || !value.is_object())
    return fail(Errc::malformed, R"(expected a JSON object, e.g. {"state":"raised","severity":"major"})");
  const auto& object = value.get_object();
  DeviceWord word;
  DUNLIN_TRY(const std::string state, text_member(object, "state", ""));
  if (state != "raised" && state != "cleared")
    return fail(Errc::invalid_argument, R"("state" must be "raised" or "cleared")");
  if (state == "cleared") word.kind = Finding::Kind::clear;
  DUNLIN_TRY(const std::string severity, text_member(object, "severity", "warning"));
  DUNLIN_TRY(word.severity, parse_severity(severity));
  DUNLIN_TRY(const std::string message, text_member(object, "message", ""));
  word.message = model::cut_text(message, kMaxMessageBytes);
  return word;
}

}  // namespace dunlin::alarm
