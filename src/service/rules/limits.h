#pragma once

#include <cstddef>
#include <cstdint>

namespace dunlin::rules {

inline constexpr std::size_t kMaxRules = 1000;
inline constexpr std::size_t kMaxSqlBytes = 64 * 1024;
inline constexpr std::size_t kMaxSqlDepth = 64;  // nested expressions
inline constexpr std::size_t kMaxSqlNodes =
    1000;  // operands, operators and steps of a statement or template expression
inline constexpr std::size_t kMaxVariableBytes = 64;  // of a SET variable's name
inline constexpr std::size_t kMaxActions = 10;
inline constexpr std::size_t kMaxDescriptionBytes = 1024;
inline constexpr std::size_t kMaxBatch = 256;  // messages that share one write
inline constexpr int kMaxPublishTries = 10;    // a second apart, while the journal takes no more
inline constexpr std::size_t kMaxPayloadBytes = 256 * 1024;  // larger ones are raw bytes to a rule
inline constexpr std::size_t kMaxPayloadDepth = 32;
inline constexpr std::size_t kMaxResultBytes = 128 * 1024;   // of a text that an expression makes
inline constexpr std::size_t kMaxOutputBytes = 1024 * 1024;  // of what SELECT gives
inline constexpr std::size_t kMaxTemplateBytes = 4096;
inline constexpr int kMaxHops = 4;  // a message made by a rule may start further rules this often

// Of one statement on one message. What needs more is stopped: Undefined, counted.
inline constexpr std::uint64_t kMaxSteps = 200'000;  // instructions, elements, and 64 bytes of a text each
inline constexpr std::size_t kMaxEvaluationBytes = std::size_t{4} * 1024 * 1024;
inline constexpr std::size_t kMaxParsedBytes = std::size_t{8} * 1024 * 1024;  // of a payload as values

}  // namespace dunlin::rules
