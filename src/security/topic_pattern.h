#pragma once
// Topic patterns of policies: MQTT filters (MQTT 5.0 section 4.7) whose levels may hold variables. Any
// thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/principal.h"

namespace dunlin::security {

enum class Effect : std::uint8_t { allow, deny };

/// One of the values that a policy may name.
enum class Variable : std::uint8_t {
  thing_name,
  client_id,
  certificate_fingerprint,
  certificate_field,
  thing_lifecycle,
  thing_attribute
};

/// A run of plain text and variables, e.g. "press-${thing.name}".
struct TemplatePart {
  enum class Kind : std::uint8_t { text, variable } kind = Kind::text;
  std::string text;  // the text, or the attribute's name (principals.h for fields of a certificate)
  Variable variable = Variable::thing_name;
};
using Template = std::vector<TemplatePart>;

/// Errors: malformed (an unclosed "${", an unknown variable).
Result<Template> parse_template(std::string_view text);

/// What a policy makes of a text for one principal. A value that is missing, empty, longer than
/// kMaxVariableBytes, not clean UTF-8, or holds '/', '+', '#' or '$' is unusable, and so is the template.
enum class Fit : std::uint8_t { equal, different, unusable };
Fit fit_whole(const Template& pattern, const Principal& principal, std::string_view text);
/// `equal` where the text begins with what the template says.
Fit fit_beginning(const Template& pattern, const Principal& principal, std::string_view text);

/// A pattern as written in a policy. Its variables get their values as it is compared, so that one pattern
/// serves every principal and a question makes no copy. An unusable variable makes a pattern of an allow
/// statement match nothing, and in a deny statement stand for any level: what a peer puts into a name never
/// widens what it may do.
class TopicPattern {
 public:
  /// Errors: malformed (wildcards inside a level, "#" before the end, NUL, not UTF-8), limit_exceeded.
  static Result<TopicPattern> parse(std::string_view pattern);

  struct For {
    const Principal& principal;
    Effect effect = Effect::allow;
  };
  /// Whether the topic (valid, without wildcards) is matched. A first level "+" or "#" matches no topic that
  /// begins with '$'.
  bool matches(std::string_view topic, const For& whom) const;
  /// Whether every topic that the filter matches is matched by this pattern. `filter` must be a valid MQTT
  /// filter.
  bool covers(std::string_view filter, const For& whom) const;
  /// Whether some topic is matched by both, as a denial.
  bool overlaps(std::string_view filter, const Principal& principal) const;

 private:
  struct Level {
    enum class Kind : std::uint8_t { text, variable, any, rest } kind = Kind::text;
    std::string text;  // what must be there; of `variable`: the plain text before the first variable
    Template parts;    // of `variable`
  };
  enum class Met : std::uint8_t { text, anything, no };
  static Met meet(const Level& level, std::string_view text, const For& whom);

  std::vector<Level> levels_;  // a leading "#" is kept as "+/#": every topic has a first level
};

/// Not empty, at most 65535 bytes, clean UTF-8, without wildcards.
bool is_valid_topic(std::string_view topic);
/// The same with '+' and '#' where MQTT allows them.
bool is_valid_filter(std::string_view filter);

}  // namespace dunlin::security
