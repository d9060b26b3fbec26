#include "security/decision_cache.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "security/limits.h"

namespace dunlin::security {

static_assert(std::has_single_bit(kCachedDecisions));

DecisionCache& DecisionCache::of_this_thread() {
  thread_local DecisionCache cache;
  return cache;
}

std::size_t DecisionCache::place_of(const Question& question) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;  // spreads what counts up from one
  constexpr unsigned kActionShift = 56;                // above any number that is reached
  const std::uint64_t asked =
      (question.principal.number.value() ^ (static_cast<std::uint64_t>(question.action) << kActionShift)) *
      kOdd;
  return (std::hash<std::string_view>{}(question.text) ^ (asked >> 32U)) & (kCachedDecisions - 1);
}

bool DecisionCache::Entry::answers(const Question& question) const {
  return principal == question.principal.number.value() && epoch == question.epoch &&
         engine == question.engine && action == question.action &&
         std::string_view(text.data(), length) == question.text;
}

const Decision* DecisionCache::find(const Question& question) const {
  if (entries_.empty()) return nullptr;
  const Entry& entry = entries_[place_of(question)];
  return entry.answers(question) ? &entry.decision : nullptr;
}

void DecisionCache::keep(const Question& question, Decision decision) {
  if (question.text.size() > kTextBytes) return;
  if (question.principal.number.value() == 0) return;
  if (entries_.empty()) entries_.resize(kCachedDecisions);
  Entry& entry = entries_[place_of(question)];
  entry.engine = question.engine;
  entry.epoch = question.epoch;
  entry.principal = question.principal.number.value();
  entry.decision = decision;
  entry.action = question.action;
  entry.length = static_cast<std::uint8_t>(question.text.size());
  std::ranges::copy(question.text, entry.text.begin());
}

}  // namespace dunlin::security
