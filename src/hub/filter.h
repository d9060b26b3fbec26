#pragma once
// One topic filter and who subscribed to it, in one block of memory.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "hub/message.h"

namespace dunlin::hub {

/// A subscriber's number on its shard.
using SubscriberId = std::uint32_t;

/// MQTT 5.0 section 3.8.3.1. `identifier` 0 means none.
struct SubscriptionOptions {
  QoS qos = QoS::at_most_once;
  enum class NoLocal : std::uint8_t { no, yes } no_local = NoLocal::no;
  enum class RetainAsPublished : std::uint8_t { no, yes } retain_as_published = RetainAsPublished::no;
  std::uint32_t identifier = 0;
  friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

struct Subscription {
  SubscriberId subscriber = 0;
  SubscriptionOptions options;
};

class Filter;
struct FilterDeleter {
  void operator()(Filter* filter) const noexcept;
};
using FilterPointer = std::unique_ptr<Filter, FilterDeleter>;

/// Owned by its trie; sessions point at those they have subscribed to, so the text is kept once. One thread.
class Filter {
 public:
  /// At most kMaxTopicBytes.
  static FilterPointer make(std::string_view text);
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  std::string_view text() const { return {bytes(), length_}; }
  bool is_wildcard() const { return wildcard_; }
  /// In the order of the subscribers' numbers.
  std::span<const Subscription> subscriptions() const;
  /// Null when it has none. Valid until the next change.
  const SubscriptionOptions* find(SubscriberId subscriber) const;
  /// False when it replaced one of the same subscriber.
  bool put(const Subscription& subscription);
  /// False when there was none.
  bool remove(SubscriberId subscriber);

  /// Where the trie has several filters in one place.
  Filter* next = nullptr;

 private:
  friend struct FilterDeleter;
  explicit Filter(std::string_view text);
  ~Filter() = default;
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

  // Nearly every filter has one subscriber; those with more have all of them in the list.
  std::unique_ptr<std::vector<Subscription>> many_;
  Subscription only_;
  std::uint16_t length_;
  bool wildcard_;
  bool used_ = false;  // only_ is one
};

/// The filters of one session: most have one. They outlive their place in the list.
class FilterList {
 public:
  FilterList() = default;
  FilterList(const FilterList&) = delete;
  FilterList& operator=(const FilterList&) = delete;
  ~FilterList() { const std::unique_ptr<Many> gone(many()); }

  std::span<const Filter* const> all() const {
    if (const Many* list = many()) return *list;
    return {&only_, only_ == nullptr ? 0U : 1U};
  }
  std::size_t size() const { return all().size(); }
  bool empty() const { return size() == 0; }
  /// The caller has made sure that it is not there yet.
  void add(const Filter* filter);
  void remove(const Filter* filter);

 private:
  using Many = std::vector<const Filter*>;
  // The lowest bit of an address is free: with it, it is that of a list. There are very many sessions.
  Many* many() const {
    const auto bits = reinterpret_cast<std::uintptr_t>(only_);
    return (bits & 1) != 0 ? reinterpret_cast<Many*>(bits - 1) : nullptr;
  }
  void set_many(std::unique_ptr<Many> list) {
    only_ = reinterpret_cast<const Filter*>(reinterpret_cast<std::uintptr_t>(list.release()) + 1);
  }

  const Filter* only_ = nullptr;
};

}  // namespace dunlin::hub
