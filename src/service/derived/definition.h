#pragma once
// A derived channel: what it is computed by, and for which devices. Document: docs/guide/derived.md.

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/selection.h"
#include "service/analytics/windows.h"
#include "service/derived/formula.h"

namespace dunlin::derived {

struct Definition {
  std::string name{};
  std::string channel{};     // that is made
  std::string expression{};  // as given
  std::string devices{};     // a pattern of names; empty: all
  model::SelectionTags tags{};
  std::string unit{};
  Duration lateness{};  // how long a sample may come after later ones of its device
  Duration max_age{};   // of values that are computed with; zero: any
  std::optional<analytics::WindowOptions> windows{};
  std::string windows_json{};  // as given
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  Formula formula;

  /// Where its samples stand in time: at the begin of the window, or at its end where it slides.
  WallTime time_of(const analytics::WindowSpan& span) const;
  /// How much before a time what counts there may have begun.
  Duration reach() const;
};

/// {"name","channel","expression","devices","tags","unit","lateness","max_age","window","enabled"}; a window
/// is a length ("1h": tumbling) or {"kind","length","hop","offset","gap","longest","count"}. Errors:
/// malformed, invalid_argument, limit_exceeded.
Result<Definition> definition_from_json(const boost::json::object& document);
boost::json::object to_json(const Definition& definition);

/// What a state was made with: under another definition of the same name it counts no more.
std::string made_with(const Definition& definition);

/// Errors: invalid_argument where the definition, with the others beside it, would be computed from itself;
/// the text names the way. Which devices have tags is not looked at.
Result<void> check_cycles(const Definition& definition, const std::vector<const Definition*>& others);

}  // namespace dunlin::derived
