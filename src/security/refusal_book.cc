#include "security/refusal_book.h"

#include <algorithm>

#include "security/penalty.h"

namespace dunlin::security {

RefusalBook::RefusalBook(const Clock& clock, metrics::Registry& registry) : clock_(clock) {
  for (std::size_t i = 0; i < kRefusalKinds; ++i) {
    const std::string_view name = refusal_kind_name(static_cast<RefusalKind>(i));
    cells_[i] = &registry.counter("dunlin_refusals_total", "What was refused, to whomever, by kind.",
                                  {{"kind", std::string(name)}});
  }
}

void RefusalBook::refused(const Refusal& refusal) {
  const std::string address = network_text(refusal.address);
  const auto kind = static_cast<std::size_t>(refusal.kind);
  const Instant now = clock_.now();
  const std::lock_guard lock(mutex_);
  cells_[kind]->add();
  ++kinds_[kind].count;
  kinds_[kind].last = now;
  hour_.add(refusal.kind, now);
  day_.add(refusal.kind, now);
  if (!address.empty()) addresses_.add(address, refusal.device, refusal, now);
  if (!refusal.device.empty()) devices_.add(refusal.device, address, refusal, now);
  if (!refusal.user.empty()) users_.add(refusal.user, address, refusal, now);
  Entry& entry = recent_[total_++ % kRecentRefusals];
  entry.at = now;
  entry.kind = refusal.kind;
  entry.identity = refusal.identity;
  entry.address.set(address);
  entry.device.set(refusal.device);
  entry.user.set(refusal.user);
  entry.reason.set(refusal.reason);
}

std::uint64_t RefusalBook::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

std::vector<RefusalBook::Entry> RefusalBook::newest(std::uint64_t most) const {
  std::vector<Entry> entries;
  const std::uint64_t kept = std::min({most, total_, std::uint64_t{kRecentRefusals}});
  for (std::uint64_t i = 1; i <= kept; ++i) entries.push_back(recent_[(total_ - i) % kRecentRefusals]);
  return entries;
}

RefusalBook::News RefusalBook::news(std::uint64_t seen, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t fresh = total_ - std::min(seen, total_);
  return {total_, kinds_, newest(std::min<std::uint64_t>(fresh, limit)), clock_.now(), clock_.wall_now()};
}

RefusalBook::Picture RefusalBook::picture(std::size_t limit, Span span) const {
  const std::lock_guard lock(mutex_);
  Picture picture;
  picture.now = clock_.now();
  picture.wall_now = clock_.wall_now();
  picture.total = total_;
  picture.kinds = kinds_;
  picture.addresses = addresses_.top(limit, picture.now);
  picture.devices = devices_.top(limit, picture.now);
  picture.users = users_.top(limit, picture.now);
  picture.recent = newest(limit);
  const RefusalHistory& history = span == Span::hour ? hour_ : day_;
  picture.history = history.read(picture.now);
  picture.step = history.step();
  return picture;
}

}  // namespace dunlin::security
