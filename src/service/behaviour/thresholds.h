#pragma once
// What is odd for a thing to do, and what happens then. Pure.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace dunlin::behaviour {

/// What is counted. Rates are means over kWindow.
enum class Measure : std::uint8_t {
  messages_per_second,
  bytes_per_second,
  message_bytes,  // of one message with its topic
  refusals,       // within kWindow: publishes and subscriptions that the policies did not allow
  connects        // within kWindow: sessions begun
};
inline constexpr std::size_t kMeasures = 5;
std::string_view measure_name(Measure measure);

/// What a thing's doings within one window came to.
inline constexpr Duration kWindow = std::chrono::seconds{10};
inline constexpr std::uint64_t kMaxLimit = 1ULL << 40;
inline constexpr std::size_t kMaxScopes = 1000;  // overrides

enum class Response : std::uint8_t { none, alarm, quarantine };

/// Limits of one scope; what is not set is as the wider scope has it. A limit of 0: none.
struct Thresholds {
  std::map<Measure, std::uint64_t> limits;
  std::optional<Response> response;

  friend bool operator==(const Thresholds&, const Thresholds&) = default;
};

/// "default", "type:NAME" or "thing:NAME". Errors: invalid_argument.
Result<void> check_scope(std::string_view scope);

/// All scopes. One thread.
class ThresholdTable {
 public:
  /// Errors: limit_exceeded (kMaxScopes).
  Result<void> put(std::string scope, Thresholds thresholds);
  bool remove(std::string_view scope);
  const std::map<std::string, Thresholds, std::less<>>& scopes() const { return scopes_; }

  /// The thing's own before its type's before the default's before the built-in ones.
  Thresholds of(std::string_view type, std::string_view thing) const;
  /// The lowest limit of any scope; nullopt: there is none.
  std::optional<std::uint64_t> lowest(Measure measure) const;

 private:
  std::map<std::string, Thresholds, std::less<>> scopes_;
};

/// {"messages_per_second": 50, "response": "quarantine"}: members that are set.
boost::json::object to_json(const Thresholds& thresholds);
/// Other members are passed over. Errors: invalid_argument.
Result<Thresholds> thresholds_of(const boost::json::object& object);

}  // namespace dunlin::behaviour
