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
enum class Variable : std::uint8_t { thing_name, client_id, certificate_fingerprint, thing_attribute };

/// A run of plain text and variables, e.g. "press-${thing.name}".
struct TemplatePart {
  enum class Kind : std::uint8_t { text, variable } kind = Kind::text;
  std::string text;  // the text, or the attribute's name
  Variable variable = Variable::thing_name;
};
using Template = std::vector<TemplatePart>;

/// Errors: malformed (an unclosed "${", an unknown variable).
Result<Template> parse_template(std::string_view text);

/// What a template says for a principal. A value that is missing, empty, longer than kMaxVariableBytes, not
/// clean UTF-8, or holds
/// '/', '+', '#' or '$' makes the whole text unusable.
enum class Usable : std::uint8_t { yes, no };
struct Substituted {
  Usable usable = Usable::yes;
  std::string text;
};
Substituted substitute(const Template& text, const Principal& principal);

/// A pattern with its variables replaced.
class TopicPattern {
 public:
  /// Whether the topic (valid, without wildcards) is matched. A first level "+" or "#" matches no topic that
  /// begins with '$'.
  bool matches(std::string_view topic) const;
  /// Whether every topic that the filter matches is matched by this pattern. `filter` must be a valid MQTT
  /// filter.
  bool covers(std::string_view filter) const;
  /// Whether some topic is matched by both.
  bool overlaps(std::string_view filter) const;

 private:
  friend class TopicPatternSource;
  struct Level {
    enum class Kind : std::uint8_t { text, any, rest } kind = Kind::text;
    std::string text;
  };
  std::vector<Level> levels_;  // a leading "#" is kept as "+/#": every topic has a first level
  bool never_ = false;
};

/// A pattern as written in a policy.
class TopicPatternSource {
 public:
  /// Errors: malformed (wildcards inside a level, "#" before the end, NUL, not UTF-8), limit_exceeded.
  static Result<TopicPatternSource> parse(std::string_view pattern);

  /// An unusable variable makes a pattern of an allow statement match nothing, and in a deny statement stand
  /// for any level: what a peer puts into a name never widens what it may do.
  TopicPattern bind(const Principal& principal, Effect effect) const;

 private:
  struct Level {
    TopicPattern::Level::Kind kind = TopicPattern::Level::Kind::text;
    Template text;
  };
  std::vector<Level> levels_;
};

/// Not empty, at most 65535 bytes, clean UTF-8, without wildcards.
bool is_valid_topic(std::string_view topic);
/// The same with '+' and '#' where MQTT allows them.
bool is_valid_filter(std::string_view filter);

}  // namespace dunlin::security
