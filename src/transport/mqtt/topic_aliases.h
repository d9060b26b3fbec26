#pragma once
// The topic aliases that the server gives to one client, MQTT 5.0 section 3.3.2.3.4.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dunlin::transport {

/// Gives the aliases to the topics that are sent most: a topic that comes while all are taken wears the
/// present ones down one after the other, and takes the first that is worn out (the heavy hitters of Misra
/// and Gries). So a stream of ever new topics neither costs three bytes a packet nor drives out the frequent
/// ones. At most `maximum` topics of kMaxAliasedTopicBytes. One thread.
class TopicAliases {
 public:
  explicit TopicAliases(std::uint16_t maximum) : maximum_(maximum) {}

  struct Choice {
    std::uint16_t alias = 0;  // 0: send the topic alone
    enum class Topic : std::uint8_t { sent, left_out } topic = Topic::sent;
  };
  /// What to send for `topic`. A choice with an alias and a topic counts from sent() on.
  Choice choose(std::string_view topic);
  /// The packet of choose() has been written: the client knows its alias now.
  void sent(Choice choice, std::string_view topic);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string topic;
    std::uint8_t uses = 0;
  };
  std::uint16_t maximum_;
  std::uint16_t hand_ = 0;      // the entry that is worn down next
  std::vector<Entry> entries_;  // by alias - 1; its capacity is `maximum`, so that the views below stay
  std::unordered_map<std::string_view, std::uint16_t> places_;
};

}  // namespace dunlin::transport
