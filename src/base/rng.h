#pragma once
// Randomness comes in through this interface only, so that a seed can repeat a run.

#include <cstdint>
#include <string>

#include "base/core/bytes.h"

namespace dunlin {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(MutableByteView out) = 0;

  std::uint64_t next();
  /// Uniform in 0..bound-1; `bound` must be at least 1.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  /// A random (version 4) UUID, RFC 9562, in its text form.
  std::string uuid();
};

/// The kernel's random source; suitable for keys and tokens. Any thread.
class SystemRng final : public Rng {
 public:
  void fill(MutableByteView out) override;
};

/// A repeatable sequence (SplitMix64). For simulation and tests only, never for keys. One thread.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed) : state_(seed) {}
  void fill(MutableByteView out) override;

 private:
  std::uint64_t step();
  std::uint64_t state_;
};

}  // namespace dunlin
