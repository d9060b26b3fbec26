#pragma once
// Something that moves to where the shadow wants it, and takes its time.

#include <optional>
#include <variant>

#include "fleet/site_config.h"

namespace dunlin::fleet {

using ActuatorValue = std::variant<bool, double>;

/// One thread. `config` outlives it.
class Actuator {
 public:
  explicit Actuator(const ActuatorConfig& config)
      : config_(config), position_(config.rest), target_(config.rest) {}

  const std::string& name() const { return config_.name; }
  /// Where it is now: least..most; 0..1 for on_off.
  double position() const { return position_; }
  bool moving() const { return position_ != target_; }

  /// Sets the target, cut to its range. Errors: invalid_argument (a value of the wrong kind).
  Result<void> want(const ActuatorValue& value);
  /// Moves for `time`; true if it arrives in it.
  bool advance(Duration time);
  /// Without power: falls back to rest at once, and forgets its target.
  void drop();

  /// The present state as JSON for the shadow. on_off is on only when it is fully there.
  std::string to_json() const;

 private:
  const ActuatorConfig& config_;
  double position_;
  double target_;
};

}  // namespace dunlin::fleet
