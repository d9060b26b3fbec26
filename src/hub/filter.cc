#include "hub/filter.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/core/assert.h"
#include "hub/limits.h"
#include "hub/topic.h"

namespace dunlin::hub {

void FilterDeleter::operator()(Filter* filter) const noexcept {
  filter->~Filter();
  ::operator delete(filter);
}

FilterPointer Filter::make(std::string_view text) {
  DUNLIN_ASSERT(text.size() <= kMaxTopicBytes);
  void* memory = ::operator new(sizeof(Filter) + text.size());
  return FilterPointer(new (memory) Filter(text));
}

Filter::Filter(std::string_view text)
    : length_(static_cast<std::uint16_t>(text.size())), wildcard_(has_wildcard(text)) {
  std::memcpy(reinterpret_cast<char*>(this + 1), text.data(), text.size());
}

std::span<const Subscription> Filter::subscriptions() const {
  if (many_) return *many_;
  return {&only_, used_ ? 1U : 0U};
}

const SubscriptionOptions* Filter::find(SubscriberId subscriber) const {
  const auto all = subscriptions();
  const auto place = std::ranges::lower_bound(all, subscriber, {}, &Subscription::subscriber);
  return place != all.end() && place->subscriber == subscriber ? &place->options : nullptr;
}

bool Filter::put(const Subscription& subscription) {
  if (!many_) {
    const bool same = used_ && only_.subscriber == subscription.subscriber;
    if (!used_ || same) {
      only_ = subscription;
      used_ = true;
      return !same;
    }
    many_ = std::make_unique<std::vector<Subscription>>(1, only_);
    used_ = false;
  }
  const auto place = std::ranges::lower_bound(*many_, subscription.subscriber, {}, &Subscription::subscriber);
  if (place != many_->end() && place->subscriber == subscription.subscriber) {
    *place = subscription;
    return false;
  }
  many_->insert(place, subscription);
  return true;
}

bool Filter::remove(SubscriberId subscriber) {
  if (!many_) {
    if (!used_ || only_.subscriber != subscriber) return false;
    used_ = false;
    return true;
  }
  const auto place = std::ranges::lower_bound(*many_, subscriber, {}, &Subscription::subscriber);
  if (place == many_->end() || place->subscriber != subscriber) return false;
  many_->erase(place);
  if (many_->size() > 1) {
    if (many_->size() * 4 < many_->capacity()) many_->shrink_to_fit();
    return true;
  }
  only_ = many_->front();
  used_ = true;
  many_.reset();
  return true;
}

static_assert(sizeof(FilterList) == sizeof(void*), "every idle connection has one");

std::uint64_t FilterList::ByAddress::hash(const Filter* filter) const {
  // Fibonacci hashing: the places come from the product's upper half, which all bits of the address reach.
  const std::uint64_t product = reinterpret_cast<std::uintptr_t>(filter) * 0x9e3779b97f4a7c15ULL;
  return product ^ (product >> 32U);
}

std::size_t FilterList::size() const {
  if (empty()) return 0;
  switch (kind()) {
    case Kind::one:
      return 1;
    case Kind::few:
      return as<const Few>()->size();
    case Kind::many:
      return as<const Many>()->size();
  }
  return 0;
}

void FilterList::clear() {
  if (kind() == Kind::few) delete as<Few>();
  if (kind() == Kind::many) delete as<Many>();
  kind_and_address_ = 0;
}

std::vector<const Filter*> FilterList::take_all() {
  std::vector<const Filter*> all;
  all.reserve(size());
  for_each([&all](const Filter* filter) { all.push_back(filter); });
  clear();
  return all;
}

void FilterList::add(const Filter* filter) {
  if (empty()) return hold(Kind::one, filter);
  switch (kind()) {
    case Kind::one: {
      auto few = std::make_unique<Few>(std::initializer_list<const Filter*>{as<const Filter>(), filter});
      return hold(Kind::few, few.release());
    }
    case Kind::few:
      return add_to_few(filter);
    case Kind::many:
      as<Many>()->insert(filter);
      return;
  }
}

void FilterList::add_to_few(const Filter* filter) {
  Few& few = *as<Few>();
  if (few.size() < kMaxFew) return few.push_back(filter);
  auto many = std::make_unique<Many>();
  for (const Filter* one : take_all()) many->insert(one);
  many->insert(filter);
  hold(Kind::many, many.release());
}

void FilterList::remove(const Filter* filter) {
  if (empty()) return;
  switch (kind()) {
    case Kind::one:
      if (as<const Filter>() == filter) clear();
      return;
    case Kind::few:
      return remove_from_few(filter);
    case Kind::many:
      return remove_from_many(filter);
  }
}

void FilterList::remove_from_few(const Filter* filter) {
  Few& few = *as<Few>();
  const auto place = std::ranges::find(few, filter);
  if (place == few.end()) return;
  *place = few.back();
  few.pop_back();
  if (few.empty()) clear();
}

void FilterList::remove_from_many(const Filter* filter) {
  Many& many = *as<Many>();
  const Filter** place =
      many.find(ByAddress{}.hash(filter), [filter](const Filter* one) { return one == filter; });
  if (place == nullptr) return;
  many.erase(place);
  if (many.empty()) clear();
}

}  // namespace dunlin::hub
