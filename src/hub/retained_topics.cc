#include "hub/retained_topics.h"

#include <algorithm>
#include <utility>

namespace dunlin::hub {
namespace {

std::string_view topic_of(const MessageRef& message) {
  return message->topic.text();
}

}  // namespace

RetainedTopics::Place RetainedTopics::lower_bound(std::string_view topic) const {
  const auto run = std::ranges::partition_point(
      runs_, [topic](const auto& messages) { return topic_of(messages.back()) < topic; });
  if (run == runs_.end()) return {runs_.size(), 0};
  const auto place = std::ranges::partition_point(
      *run, [topic](const MessageRef& message) { return topic_of(message) < topic; });
  return {static_cast<std::size_t>(run - runs_.begin()), static_cast<std::size_t>(place - run->begin())};
}

RetainedTopics::Place RetainedTopics::upper_bound(std::string_view topic) const {
  const Place place = lower_bound(topic);
  return !at_end(place) && topic_of((*this)[place]) == topic ? next(place) : place;
}

RetainedTopics::Place RetainedTopics::next(Place place) const {
  return place.index + 1 < runs_[place.run].size() ? Place{place.run, place.index + 1}
                                                   : Place{place.run + 1, 0};
}

const MessageRef* RetainedTopics::find(std::string_view topic) const {
  const Place place = lower_bound(topic);
  return !at_end(place) && topic_of((*this)[place]) == topic ? &(*this)[place] : nullptr;
}

void RetainedTopics::put(MessageRef message) {
  Place place = lower_bound(topic_of(message));
  if (!at_end(place) && topic_of((*this)[place]) == topic_of(message)) {
    runs_[place.run][place.index] = std::move(message);
    return;
  }
  if (at_end(place)) {
    if (runs_.empty() || runs_.back().size() >= kMaxRun) {
      runs_.emplace_back();
      runs_.back().reserve(kMaxRun);
    }
    runs_.back().push_back(std::move(message));
    return;
  }
  if (runs_[place.run].size() >= kMaxRun) {
    std::vector<MessageRef> upper;
    upper.reserve(kMaxRun);
    auto& lower = runs_[place.run];
    const auto middle = lower.begin() + kMaxRun / 2;
    upper.assign(std::make_move_iterator(middle), std::make_move_iterator(lower.end()));
    lower.erase(middle, lower.end());
    runs_.insert(runs_.begin() + static_cast<std::ptrdiff_t>(place.run) + 1, std::move(upper));
    if (place.index > kMaxRun / 2) place = {place.run + 1, place.index - kMaxRun / 2};
  }
  auto& run = runs_[place.run];
  run.insert(run.begin() + static_cast<std::ptrdiff_t>(place.index), std::move(message));
}

void RetainedTopics::erase(std::string_view topic) {
  const Place place = lower_bound(topic);
  if (at_end(place) || topic_of((*this)[place]) != topic) return;
  auto& run = runs_[place.run];
  // The topic may be the message's own.
  const MessageRef gone = std::exchange(run[place.index], nullptr);
  run.erase(run.begin() + static_cast<std::ptrdiff_t>(place.index));
  if (run.empty()) runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(place.run));
}

}  // namespace dunlin::hub
