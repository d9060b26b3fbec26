#pragma once
// Retained messages in the order of their topics.

#include <memory>
#include <string_view>
#include <vector>

#include "hub/message.h"

namespace dunlin::hub {

using MessageRef = std::shared_ptr<const Message>;  // shared: by every receiver's queue, on any thread

/// Sorted runs of at most kMaxRun messages: a message costs its pointer and some air, where a tree would have
/// a node for each. The topics are the messages' own. One thread.
class RetainedTopics {
 public:
  /// Where a message is; valid until the next change.
  struct Place {
    std::size_t run = 0;
    std::size_t index = 0;
  };

  /// The first whose topic is not before `topic`.
  Place lower_bound(std::string_view topic) const;
  /// The first whose topic is behind `topic`.
  Place upper_bound(std::string_view topic) const;
  bool at_end(Place place) const { return place.run == runs_.size(); }
  const MessageRef& operator[](Place place) const { return runs_[place.run][place.index]; }
  Place next(Place place) const;

  /// Null when there is none.
  const MessageRef* find(std::string_view topic) const;
  /// In place of the one with the same topic, if there is one.
  void put(MessageRef message);
  void erase(std::string_view topic);
  bool empty() const { return runs_.empty(); }

 private:
  static constexpr std::size_t kMaxRun = 128;
  std::vector<std::vector<MessageRef>> runs_;  // none is empty
};

}  // namespace dunlin::hub
