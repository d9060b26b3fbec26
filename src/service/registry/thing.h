#pragma once
// A thing: anything with an identity that speaks or is spoken to.

#include <boost/json/fwd.hpp>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/text.h"
#include "service/registry/life.h"

namespace dunlin::registry {

using model::check_thing_name;
using model::kMaxThingNameBytes;
inline constexpr std::size_t kMaxAttributes = 64;
inline constexpr std::size_t kMaxAttributeNameBytes = 128;
inline constexpr std::size_t kMaxAttributeValueBytes = 1024;

/// The attribute that says what let a thing in that enrolled. While it is not decommissioned, such a thing is
/// found by this field of the index, with the same value, and by `kEnrolledIndex`.
inline constexpr std::string_view kEnrolledBy = "enrolled_by";
inline constexpr std::string_view kEnrolledIndex = "enrolled";
inline constexpr std::string_view kEnrolled = "yes";

struct Thing {
  std::string name;     // unique in its tenant; letters, digits and "-_.:" (it is a level of topics)
  std::string type;     // "machine", "camera" ...
  std::string gateway;  // the thing it speaks through, or empty
  std::map<std::string, std::string> attributes;
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  std::string
      policies;  // the member of that name as JSON, empty if absent: the security room's, kept as it is
  Life life;
  WallTime created_at{};
  std::uint64_t version = 0;

  friend bool operator==(const Thing&, const Thing&) = default;
};

/// Errors: limit_exceeded, invalid_argument.
Result<void> check_attributes(const std::map<std::string, std::string>& attributes);

/// The document that is shown: {"name","type","gateway","attributes","state","lifecycle","created_at",
/// "version"}, and "policies", "quarantine" and "wiping" where it has them.
boost::json::object to_json(const Thing& thing);
/// The one that is stored: with the steps of its life, too.
boost::json::object stored_json(const Thing& thing);
/// Errors: corrupt.
Result<Thing> thing_from_json(std::string_view text);

}  // namespace dunlin::registry
