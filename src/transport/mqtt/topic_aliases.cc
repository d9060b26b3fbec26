#include "transport/mqtt/topic_aliases.h"

#include "base/core/assert.h"
#include "transport/mqtt/limits.h"

namespace dunlin::transport {

TopicAliases::Choice TopicAliases::choose(std::string_view topic) {
  // The property takes three bytes (MQTT 5.0 section 2.2.2): a shorter topic is better sent.
  if (maximum_ == 0 || topic.size() <= kMinAliasedTopicBytes || topic.size() > kMaxAliasedTopicBytes)
    return {};
  if (const auto known = places_.find(topic); known != places_.end()) {
    Entry& entry = entries_[known->second];
    if (entry.uses < UINT8_MAX) ++entry.uses;
    return {static_cast<std::uint16_t>(known->second + 1), Choice::Topic::left_out};
  }
  if (entries_.size() < maximum_) return {static_cast<std::uint16_t>(entries_.size() + 1)};
  const std::uint16_t place = hand_;
  hand_ = static_cast<std::uint16_t>((hand_ + 1) % maximum_);
  if (entries_[place].uses > 0) {
    --entries_[place].uses;
    return {};
  }
  return {static_cast<std::uint16_t>(place + 1)};
}

void TopicAliases::sent(Choice choice, std::string_view topic) {
  if (choice.alias == 0 || choice.topic == Choice::Topic::left_out) return;
  const std::uint16_t place = choice.alias - 1U;
  if (place == entries_.size()) {
    if (entries_.capacity() < maximum_) entries_.reserve(maximum_);
    entries_.emplace_back();
  }
  DUNLIN_ASSERT(place < entries_.size());
  Entry& entry = entries_[place];
  if (!entry.topic.empty()) places_.erase(entry.topic);
  entry.topic = topic;
  entry.uses = 1;
  places_.emplace(entry.topic, place);
}

}  // namespace dunlin::transport
