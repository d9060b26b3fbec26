// Topics and payloads that devices make up: a word is refused with a reason, or it makes an alarm that reads
// back as it was stored.

#include <boost/json.hpp>
#include <cstdint>

#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "model/text.h"
#include "service/alarm/device_word.h"

using namespace dunlin;
using namespace dunlin::alarm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const std::size_t end = text.find('\n');
  const DeviceTopic topic = device_topic_of(text.substr(0, end));
  const bool is_named = model::check_thing_name(topic.thing) && check_alarm_name(topic.name);
  if (end == std::string_view::npos) return 0;
  const auto word = parse_device_word(text.substr(end + 1));
  if (!word) {
    DUNLIN_ASSERT(!word.error().message.empty());
    return 0;
  }
  DUNLIN_ASSERT(word->message.size() <= kMaxMessageBytes);
  if (!is_named) return 0;
  Alarm alarm;
  alarm.name = topic.name;
  alarm.thing = topic.thing;
  alarm.id = alarm.name + '~' + alarm.thing;
  alarm.severity = word->severity;
  alarm.message = word->message;
  note(alarm, {Change::raised, {}, alarm.thing, alarm.message});
  const std::string stored = boost::json::serialize(to_json(alarm));
  const auto read = alarm_from_json(kDefaultTenant, stored);
  DUNLIN_ASSERT(read && boost::json::serialize(to_json(*read)) == stored);
  const auto event = event_from_json(alarm::stored(kDefaultTenant, alarm.id, alarm.fresh.front()).value);
  DUNLIN_ASSERT(event && event->why == alarm.fresh.front().why);
  return 0;
}
