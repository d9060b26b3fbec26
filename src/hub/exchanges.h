#pragma once
// The QoS 2 packet identifiers of a peer whose exchange is not finished.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace dunlin::hub {

/// A peer uses its identifiers nearly in order, so a sorted list costs less than a tree. At most 65,535. One
/// thread.
class Exchanges {
 public:
  enum class State : std::uint8_t { storing, open };
  struct Exchange {
    std::uint16_t packet_id;
    State state;
  };

  std::size_t size() const { return list_.size(); }
  std::span<const Exchange> all() const { return list_; }
  Exchange* find(std::uint16_t packet_id) {
    const auto place = place_of(packet_id);
    return place != list_.end() && place->packet_id == packet_id ? &*place : nullptr;
  }
  /// The caller has made sure that it is not there yet.
  void add(std::uint16_t packet_id, State state) {
    if (list_.empty() || list_.back().packet_id < packet_id) {
      list_.push_back({packet_id, state});
    } else {
      list_.insert(place_of(packet_id), {packet_id, state});
    }
  }
  void set(std::uint16_t packet_id, State state) {
    if (Exchange* known = find(packet_id)) {
      known->state = state;
    } else {
      add(packet_id, state);
    }
  }
  void erase(std::uint16_t packet_id) {
    if (const Exchange* known = find(packet_id)) list_.erase(list_.begin() + (known - list_.data()));
  }

 private:
  std::vector<Exchange>::iterator place_of(std::uint16_t packet_id) {
    return std::ranges::lower_bound(list_, packet_id, {}, &Exchange::packet_id);
  }
  std::vector<Exchange> list_;
};

}  // namespace dunlin::hub
