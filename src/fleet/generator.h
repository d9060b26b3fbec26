#pragma once
// Makes the values of one channel.

#include <optional>
#include <vector>

#include "base/rng.h"
#include "fleet/plant.h"
#include "fleet/random.h"
#include "fleet/site_config.h"

namespace dunlin::fleet {

struct Reading {
  double value = 0;
  std::optional<WallTime> recorded;  // when a replayed row was recorded
};

/// Every source but position, battery and camera. One thread. `config`, `plant` and `rng` outlive it.
class Generator {
 public:
  struct Origin {
    Instant start;            // of the site
    double speed = 1;         // of replay
    std::int64_t member = 0;  // of the group
  };
  Generator(const ChannelConfig& config, Origin origin, Plant& plant, Rng& rng);

  /// `now` never goes back.
  Reading read(Instant now);

  /// Digits after the point as configured, without zeros at the end: what a payload holds.
  static std::string to_text(double value, std::int64_t decimals);

 private:
  Reading source(Instant now, double dt);
  Reading replay(Instant now) const;
  double followed(double dt);
  double phase(Instant now) const;

  const ChannelConfig& config_;
  Origin origin_;
  Rng& rng_;
  struct Input {
    const double* quantity;
    double coefficient;
  };
  std::vector<Input> inputs_;
  Instant last_;
  double state_;  // of walk and integral
  double lagged_ = 0;
};

}  // namespace dunlin::fleet
