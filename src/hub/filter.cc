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

void FilterList::add(const Filter* filter) {
  if (Many* list = many()) return list->push_back(filter);
  if (only_ == nullptr) {
    only_ = filter;
    return;
  }
  set_many(std::make_unique<Many>(std::initializer_list<const Filter*>{only_, filter}));
}

void FilterList::remove(const Filter* filter) {
  Many* list = many();
  if (list == nullptr) {
    if (only_ == filter) only_ = nullptr;
    return;
  }
  // The order does not count, and a session that goes drops its last one first.
  const auto place = std::find(list->rbegin(), list->rend(), filter);
  if (place == list->rend()) return;
  *place = list->back();
  list->pop_back();
  if (!list->empty()) return;
  const std::unique_ptr<Many> gone(list);
  only_ = nullptr;
}

}  // namespace dunlin::hub
