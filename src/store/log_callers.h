#pragma once
// For tests: a function for each record that is appended.

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "store/log.h"

namespace dunlin::store {

/// Takes the place of whatever the log told before. Answers that come after this has gone are dropped.
class LogCallers {
 public:
  using Done = std::move_only_function<void(Result<Position>)>;

  void append(Log& log, std::uint8_t kind, ByteView bytes, Done done) {
    log.on_answered([waiting = std::weak_ptr(waiting_)](Position last, const Result<void>& result) {
      if (const auto all = waiting.lock()) answer(*all, last, result);
    });
    const Result<Position> position = log.append(kind, bytes);
    if (!position) return done(position);
    waiting_->emplace(*position, std::move(done));
  }

 private:
  using Waiting = std::map<Position, Done>;
  static void answer(Waiting& waiting, Position last, const Result<void>& result) {
    while (!waiting.empty() && waiting.begin()->first <= last) {
      auto next = waiting.extract(waiting.begin());
      if (result) next.mapped()(next.key());
      if (!result) next.mapped()(std::unexpected(result.error()));
    }
  }

  std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

}  // namespace dunlin::store
