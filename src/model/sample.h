#pragma once
// The record that every protocol's measurements end as.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "hub/principal.h"

namespace dunlin::model {

enum class Quality : std::uint8_t { good, uncertain, bad };

/// Bit flags of a sample.
inline constexpr std::uint8_t kHistorical = 1;  // sent later than measured (store-and-forward)
/// The user property of a message whose samples are historical; its value is "true".
inline constexpr std::string_view kHistoricalProperty = "dunlin-historical";
inline constexpr std::uint8_t kEstimated = 2;
inline constexpr std::uint8_t kDuplicateSafe = 4;
inline constexpr std::uint8_t kDerived = 8;  // computed from other channels (service/derived)
/// What a source may state.
inline constexpr std::uint8_t kStatedFlags = kHistorical | kEstimated | kDerived;

struct Bytes {
  std::string value;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};
struct JsonText {
  std::string value;
  friend bool operator==(const JsonText&, const JsonText&) = default;
};
using Value = std::variant<double, std::int64_t, bool, std::string, Bytes, JsonText>;

/// As a number: truth values are 0 and 1; nullopt for others.
inline std::optional<double> number_of(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1.0 : 0.0;
  return std::nullopt;
}

struct Origin {
  std::string protocol;  // "mqtt", "modbus" ...
  std::string gateway;   // empty: none between
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// Whether monitors look at a sample: they do not where its thing was in maintenance. What is derived of it
/// is marked likewise.
enum class Watch : std::uint8_t { watched, muted };

struct Sample {
  TenantId tenant = kDefaultTenant;
  std::string device;
  std::string channel;  // path of component, instance and property, e.g. "temperature" or "motor/temperature"
  WallTime t_source{};  // measured, as the source states it; the time of arrival where it states none
  WallTime t_server{};  // arrived
  Value value;
  std::string unit;  // SenML (RFC 8428 section 12.1), e.g. "Cel"; empty: none
  Quality quality = Quality::good;
  std::uint64_t seq = 0;  // 0: the source numbers nothing
  std::uint8_t flags = 0;
  Origin origin;
  int hops = 0;  // rules that what it came with has passed (model/hops.h)
  Watch watch = Watch::watched;
};

}  // namespace dunlin::model
