#pragma once
// Topic names and filters, MQTT 5.0 section 4.7 (the same in 3.1.1), and shared subscriptions, section 4.8.2.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core/bytes.h"

namespace dunlin::mqtt {

/// Why a text is not a topic name or filter.
enum class TopicFault : std::uint8_t {
  none,
  empty,       // [MQTT-4.7.3-1]
  too_long,    // [MQTT-4.7.3-3]: over 65 535 bytes
  ill_formed,  // not UTF-8 or holds U+0000: [MQTT-1.5.4-1], [MQTT-4.7.3-2]
  wildcard,    // in a name, or where a filter may not have it: [MQTT-4.7.0-1], [MQTT-4.7.1-1], [MQTT-4.7.1-2]
  too_many_levels,  // over kMaxTopicLevels
  bad_share_name,   // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
};

/// One sentence of static text for logs.
std::string_view topic_fault_text(TopicFault fault);

/// Whether the bytes are UTF-8 as MQTT wants it (section 1.5.4): no overlong form, no surrogate, nothing
/// above U+10FFFF, no U+0000.
bool is_mqtt_utf8(std::string_view text);

/// Whether the text may be published to. Checks everything, the encoding too.
TopicFault check_topic_name(std::string_view name);

/// Whether the text may be subscribed to; a `$share/name/filter` is checked as such. Checks everything, the
/// encoding too.
TopicFault check_topic_filter(std::string_view filter);

struct SharedFilter {
  std::string_view share_name;
  std::string_view filter;  // what topics are matched with
};

/// The parts of a shared subscription's filter; nothing for an ordinary filter. The filter has passed
/// check_topic_filter().
std::optional<SharedFilter> parse_shared_filter(std::string_view filter);

/// Whether a valid filter has a wildcard.
bool has_wildcard(std::string_view filter);

/// Whether a message with this topic goes to a subscription with this filter (without `$share/name/`). A
/// filter that begins with a wildcard does not match a topic that begins with `$`: [MQTT-4.7.2-1]. Both are
/// valid.
bool topic_matches(std::string_view filter, std::string_view topic);

}  // namespace dunlin::mqtt
