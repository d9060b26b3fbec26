#pragma once
// What an evaluation works with: the message, memory, and how much is left of its budget.

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/core/bytes.h"
#include "hub/message.h"
#include "service/rules/arena.h"
#include "service/rules/limits.h"
#include "service/rules/value.h"

namespace dunlin {
class Rng;
}

namespace dunlin::rules {

/// The message that statements are evaluated for. All of it outlives the evaluation.
struct Context {
  ByteView payload;
  std::string_view topic;
  std::string_view client_id;  // empty: it did not come over MQTT
  std::string_view principal;
  std::string_view source_ip;  // empty: not known
  TenantId tenant = kDefaultTenant;
  WallTime received_at{};
  std::uint64_t trace_id = 0;                   // 0: none
  const hub::Properties* properties = nullptr;  // null: none
};
/// Of a message as the hub has it. The context points into it.
Context context_of(const hub::Message& message);

/// One thread.
struct Evaluation {
  explicit Evaluation(Rng& random) : rng(random) {}

  /// False when that is more than is left: the evaluation gives Undefined from then on.
  bool spend(std::uint64_t steps) {
    if (steps <= steps_left) {
      steps_left -= steps;
      return true;
    }
    return stop();
  }
  bool stop() {
    steps_left = 0;
    stopped = true;
    return false;
  }
  /// A copy in the arena; Undefined for more than kMaxResultBytes.
  Value text(std::string_view text);

  Rng& rng;
  Context context;
  Arena arena{kMaxEvaluationBytes};
  std::uint64_t steps_left = kMaxSteps;
  bool stopped = false;  // the budget did not suffice
};

}  // namespace dunlin::rules
