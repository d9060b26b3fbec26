#pragma once
// A thing's life: its stages, the steps between them, and quarantine. Pure.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hub/standing.h"

namespace dunlin::registry {

inline constexpr std::size_t kMaxLifeEvents = 32;        // kept per thing, the oldest goes
inline constexpr std::size_t kMaxLifeReasonBytes = 256;  // of what people say about a step

/// Things whose standing is not the usual one, or that are to be wiped, are found by this field of the index.
inline constexpr std::string_view kStandingIndex = "standing";
inline constexpr std::string_view kUnusual = "unusual";

/// One step, as it is kept and shown.
struct LifeEvent {
  enum class Kind : std::uint8_t { moved, quarantined, released } kind = Kind::moved;
  Lifecycle from = Lifecycle::operation;  // the same as `to` but for `moved`
  Lifecycle to = Lifecycle::operation;
  WallTime at{};
  std::string by;      // a user's name, or "system"
  std::string reason;  // may be empty

  friend bool operator==(const LifeEvent&, const LifeEvent&) = default;
};

/// What a thing's document keeps of its life.
struct Life {
  Lifecycle stage = Lifecycle::operation;
  std::optional<LifeEvent> quarantine;  // the step that began it; nullopt: it is in none
  enum class Wipe : std::uint8_t { none, due } wipe = Wipe::none;  // of a decommissioned thing's messages
  std::vector<LifeEvent> events;                                   // the newest last

  Standing standing() const { return {stage, quarantine ? Quarantine::yes : Quarantine::no}; }
  friend bool operator==(const Life&, const Life&) = default;
};

/// A step that somebody wants.
struct LifeStep {
  LifeEvent::Kind kind = LifeEvent::Kind::moved;
  Lifecycle to = Lifecycle::operation;  // of `moved`
  std::string by;
  std::string reason;
};

/// One stage after the other, maintenance and back, and the end from anywhere; a stage never leads to itself.
bool may_move(Lifecycle from, Lifecycle to);

/// Nothing where the life is there already. Errors: conflict (there is no such step from here),
/// limit_exceeded (the reason is too long).
Result<std::optional<LifeEvent>> take_step(Life& life, const LifeStep& step, WallTime at);

boost::json::object to_json(const LifeEvent& event);
/// The members of the document that is shown: "lifecycle"; "quarantine" and "wiping" where they hold.
void show_life(const Life& life, boost::json::object& document);
/// And of the stored one: "life_events", too.
void store_life(const Life& life, boost::json::object& document);
/// A document without them is of a thing in operation. Errors: corrupt.
Result<Life> life_of(const boost::json::object& document);

}  // namespace dunlin::registry
