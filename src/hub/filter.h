#pragma once
// One topic filter and who subscribed to it, in one block of memory.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "hub/flat_table.h"
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
  ~FilterList() { clear(); }

  std::size_t size() const;
  bool empty() const { return kind_and_address_ == 0; }
  /// In no order.
  template <class Visit>
  void for_each(const Visit& visit) const;
  /// The caller has made sure that it is not there yet.
  void add(const Filter* filter);
  void remove(const Filter* filter);
  /// All of them; none is left.
  std::vector<const Filter*> take_all();

 private:
  // A few are searched faster than hashed, and take less.
  static constexpr std::size_t kMaxFew = 32;
  using Few = std::vector<const Filter*>;
  struct ByAddress {
    static bool is_empty(const Filter* filter) { return filter == nullptr; }
    std::uint64_t hash(const Filter* filter) const;
  };
  using Many = FlatTable<const Filter*, ByAddress>;

  // The lowest bits of an address are free: there are very many sessions, and with these the list costs each
  // of them no more than a pointer.
  enum class Kind : std::uintptr_t { one = 0, few = 1, many = 2 };
  static constexpr std::uintptr_t kKindBits = 3;
  Kind kind() const { return static_cast<Kind>(kind_and_address_ & kKindBits); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(kind_and_address_ & ~kKindBits);
  }
  void hold(Kind kind, const void* address) {
    kind_and_address_ = reinterpret_cast<std::uintptr_t>(address) | static_cast<std::uintptr_t>(kind);
  }
  void add_to_few(const Filter* filter);
  void remove_from_few(const Filter* filter);
  void remove_from_many(const Filter* filter);
  void clear();

  std::uintptr_t kind_and_address_ = 0;
};

template <class Visit>
void FilterList::for_each(const Visit& visit) const {
  if (empty()) return;
  switch (kind()) {
    case Kind::one:
      return visit(as<const Filter>());
    case Kind::few:
      for (const Filter* filter : *as<const Few>()) visit(filter);
      return;
    case Kind::many:
      return as<const Many>()->for_each(visit);
  }
}

}  // namespace dunlin::hub
