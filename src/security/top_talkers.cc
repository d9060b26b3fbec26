#include "security/top_talkers.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace dunlin::security {
namespace {

constexpr Duration kSweepInterval = std::chrono::minutes{1};

std::int64_t span_of(Instant now) {
  return now.time_since_epoch() / kTalkerSpan;
}

void turn_span(Talker& talker, std::int64_t now) {
  if (talker.span == now) return;
  talker.spans = {0, talker.span == now - 1 ? talker.spans[0] : 0};
  talker.span = now;
}

}  // namespace

TopTalkers::TopTalkers()
    : talkers_(kMaxTalkers), next_(kMaxTalkers, kNone), places_(kMaxTalkers), heap_(kMaxTalkers) {
  buckets_.fill(kNone);
  std::iota(heap_.begin(), heap_.end(), Index{0});
  std::iota(places_.begin(), places_.end(), Index{0});
}

std::size_t TopTalkers::bucket_of(std::string_view name) {
  return std::hash<std::string_view>()(name) % kBuckets;
}

TopTalkers::Index TopTalkers::find(std::string_view name) const {
  Index slot = buckets_[bucket_of(name)];
  while (slot != kNone && talkers_[slot].name.view() != name) slot = next_[slot];
  return slot;
}

void TopTalkers::add(std::string_view name, std::string_view peer, const Refusal& refusal, Instant now) {
  name = ShortText<kMaxTalkerName>::cut(name);
  Index slot = find(name);
  if (slot == kNone) {
    slot = take_slot(now);
    talkers_[slot].name.set(name);
    link(slot);
  }
  Talker& talker = talkers_[slot];
  turn_span(talker, span_of(now));
  ++talker.count;
  ++talker.spans[0];
  talker.kinds |= std::uint64_t{1} << static_cast<unsigned>(refusal.kind);
  talker.last_kind = refusal.kind;
  talker.identity = refusal.identity;
  talker.last = now;
  talker.reason.set(refusal.reason);
  if (!peer.empty()) talker.peer.set(peer);
  settle(places_[slot]);
}

/// An empty talker at its place in the heap. When all are taken the least refused one gives way, and its
/// count is what the new one may have had before it was known.
TopTalkers::Index TopTalkers::take_slot(Instant now) {
  if (size_ == kMaxTalkers) sweep(now);
  if (now - lost_at_ > kTalkerMemory) lost_ = 0;
  const bool full = size_ == kMaxTalkers;
  const Index slot = full ? heap_[0] : heap_[size_];
  if (full) {
    unlink(slot);
    lost_ = std::max(lost_, talkers_[slot].count);
    lost_at_ = now;
  }
  Talker fresh;
  fresh.count = fresh.over = lost_;
  fresh.span = span_of(now);
  fresh.first = fresh.last = now;
  talkers_[slot] = fresh;
  if (!full) rise(size_++);
  return slot;
}

/// At most once in a while: a flood of new names must stay cheap.
void TopTalkers::sweep(Instant now) {
  if (now - swept_ < kSweepInterval) return;
  swept_ = now;
  for (std::size_t place = size_; place-- > 0;) {
    if (now - talkers_[heap_[place]].last > kTalkerMemory) drop(place);
  }
}

void TopTalkers::drop(std::size_t place) {
  unlink(heap_[place]);
  swap(place, --size_);
  if (place == size_) return;
  const Index moved = heap_[place];
  settle(place);
  rise(places_[moved]);
}

void TopTalkers::link(Index slot) {
  Index& head = buckets_[bucket_of(talkers_[slot].name.view())];
  next_[slot] = std::exchange(head, slot);
}

void TopTalkers::unlink(Index slot) {
  Index* at = &buckets_[bucket_of(talkers_[slot].name.view())];
  while (*at != slot) at = &next_[*at];
  *at = next_[slot];
}

bool TopTalkers::goes_before(Index a, Index b) const {
  return std::pair(talkers_[a].count, talkers_[a].last) < std::pair(talkers_[b].count, talkers_[b].last);
}

void TopTalkers::swap(std::size_t a, std::size_t b) {
  std::swap(heap_[a], heap_[b]);
  places_[heap_[a]] = static_cast<Index>(a);
  places_[heap_[b]] = static_cast<Index>(b);
}

void TopTalkers::settle(std::size_t place) {
  while (2 * place + 1 < size_) {
    std::size_t child = 2 * place + 1;
    if (child + 1 < size_ && goes_before(heap_[child + 1], heap_[child])) ++child;
    if (!goes_before(heap_[child], heap_[place])) return;
    swap(place, child);
    place = child;
  }
}

void TopTalkers::rise(std::size_t place) {
  while (place > 0 && goes_before(heap_[place], heap_[(place - 1) / 2])) {
    swap(place, (place - 1) / 2);
    place = (place - 1) / 2;
  }
}

std::vector<Talker> TopTalkers::top(std::size_t limit, Instant now) const {
  std::vector<Index> heard;
  for (std::size_t place = 0; place < size_; ++place) {
    if (now - talkers_[heap_[place]].last <= kTalkerMemory) heard.push_back(heap_[place]);
  }
  const auto rank = [this](Index slot) { return std::pair(talkers_[slot].sure(), talkers_[slot].last); };
  std::ranges::sort(heard, std::greater(), rank);
  std::vector<Talker> top;
  for (const Index slot : heard) {
    if (top.size() == limit) break;
    top.push_back(talkers_[slot]);
  }
  return top;
}

std::uint64_t TopTalkers::recent(const Talker& talker, Instant now) {
  const std::int64_t span = span_of(now);
  if (talker.span == span) return std::uint64_t{talker.spans[0]} + talker.spans[1];
  return talker.span == span - 1 ? talker.spans[0] : 0;
}

}  // namespace dunlin::security
