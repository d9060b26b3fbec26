#pragma once
// A list inside a packet, read one by one without copying: its bytes were validated while the packet was
// decoded.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "base/core/bytes.h"

namespace dunlin::mqtt {

enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

/// MQTT 5.0 section 3.3.2.3.7. Keys may repeat and their order counts.
struct UserProperty {
  std::string_view key{};
  std::string_view value{};
  friend bool operator==(const UserProperty&, const UserProperty&) = default;
};

/// MQTT 5.0 section 3.8.3.1.
enum class RetainHandling : std::uint8_t { send = 0, send_if_new_subscription = 1, do_not_send = 2 };

/// One filter of a SUBSCRIBE with its options, MQTT 5.0 section 3.8.3. Under 3.1.1 only the QoS is on the
/// wire.
struct Subscription {
  std::string_view filter{};  // with its `$share/name/` if it has one; see parse_shared_filter()
  QoS qos = QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  RetainHandling retain_handling = RetainHandling::send;
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

/// A sequence of T that is either the caller's array (to encode) or bytes of a decoded packet. Owns nothing:
/// it is valid while what it was made from is. T is UserProperty, std::uint32_t (subscription identifier),
/// Subscription or std::string_view (topic filter).
template <class T>
class ListView {
 public:
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const ListView& list) : bytes_(list.bytes_), items_(list.items_), left_(list.count_) {
      load();
    }
    const T& operator*() const { return value_; }
    const T* operator->() const { return &value_; }
    Iterator& operator++() {
      --left_;
      load();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, std::default_sentinel_t) { return a.left_ == 0; }

   private:
    void load() {
      if (left_ == 0) return;
      if (items_ != nullptr) {
        value_ = *items_++;
      } else {
        value_ = take_encoded();
      }
    }
    T take_encoded();  // takes one item from the front of bytes_

    ByteView bytes_;
    const T* items_;
    std::size_t left_;
    T value_{};
  };

  ListView() = default;
  // A list is a view of an array.
  // NOLINTNEXTLINE(google-explicit-constructor)
  ListView(std::span<const T> items) : items_(items.data()), count_(items.size()) {}
  /// `bytes` must have been validated to hold `count` items; between properties, other properties are
  /// skipped.
  static ListView of_encoded(ByteView bytes, std::size_t count) {
    ListView list;
    list.bytes_ = bytes;
    list.count_ = count;
    return list;
  }

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  /// The bytes it reads from; empty when it is a view of an array.
  ByteView encoded() const { return bytes_; }
  Iterator begin() const { return Iterator(*this); }
  std::default_sentinel_t end() const { return std::default_sentinel; }

 private:
  ByteView bytes_{};
  const T* items_ = nullptr;
  std::size_t count_ = 0;
};

using UserProperties = ListView<UserProperty>;
using SubscriptionIdentifiers = ListView<std::uint32_t>;
using Subscriptions = ListView<Subscription>;
using TopicFilters = ListView<std::string_view>;

template <>
UserProperty UserProperties::Iterator::take_encoded();
template <>
std::uint32_t SubscriptionIdentifiers::Iterator::take_encoded();
template <>
Subscription Subscriptions::Iterator::take_encoded();
template <>
std::string_view TopicFilters::Iterator::take_encoded();

}  // namespace dunlin::mqtt
