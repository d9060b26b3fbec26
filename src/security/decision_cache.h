#pragma once
// What a thread was last answered by policies: a client asks the same again and again.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "security/policy.h"

namespace dunlin::security {

/// Direct-mapped: an answer takes the place of another one with the same hash. Everything that was asked is
/// compared, so neither a collision nor a change of the policies gives a wrong answer. One thread.
class DecisionCache {
 public:
  struct Question {
    std::uint64_t engine = 0;  // PolicyEngine's own number
    std::uint64_t epoch = 0;   // of its policies
    const Principal& principal;
    Action action{};
    std::string_view text;
  };

  static DecisionCache& of_this_thread();

  /// Null if it is not known. Valid until the next keep().
  const Decision* find(const Question& question) const;
  /// Ignored for a principal without a number (it may change) and for a text over kTextBytes.
  void keep(const Question& question, Decision decision);

 private:
  static constexpr std::size_t kTextBytes = 96;

  struct Entry {
    std::uint64_t engine = 0;
    std::uint64_t epoch = 0;
    std::uint64_t principal = 0;  // its number
    Decision decision;
    Action action{};
    std::uint8_t length = 0;
    std::array<char, kTextBytes> text{};

    bool answers(const Question& question) const;
  };
  static std::size_t place_of(const Question& question);

  std::vector<Entry> entries_;  // empty until the first answer is kept
};

}  // namespace dunlin::security
