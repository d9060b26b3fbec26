#include "service/provision/pattern.h"

#include <array>
#include <utility>

#include "security/names.h"
#include "service/provision/limits.h"

namespace dunlin::provision {
namespace {

using Part = std::string NameFacts::*;
constexpr std::array<std::pair<std::string_view, Part>, 7> kParts = {{{"name", &NameFacts::asked},
                                                                      {"cn", &NameFacts::common_name},
                                                                      {"san", &NameFacts::thing_name},
                                                                      {"serial", &NameFacts::serial},
                                                                      {"o", &NameFacts::organisation},
                                                                      {"ou", &NameFacts::unit},
                                                                      {"sn", &NameFacts::serial_number}}};

Result<Part> part_named(std::string_view name) {
  for (const auto& [known, part] : kParts) {
    if (known == name) return part;
  }
  return fail(Errc::invalid_argument,
              "a name pattern knows {name}, {cn}, {san}, {serial}, {o}, {ou} and {sn}, not {" +
                  std::string(name) + "}");
}

/// Calls `text` with each literal character and `place` with each part, in order.
template <class OnText, class OnPart>
Result<void> walk(std::string_view pattern, OnText text, OnPart place) {
  while (!pattern.empty()) {
    if (pattern.front() != '{') {
      DUNLIN_CHECK(text(pattern.front()));
      pattern.remove_prefix(1);
      continue;
    }
    const std::size_t end = pattern.find('}');
    if (end == std::string_view::npos)
      return fail(Errc::invalid_argument, "a brace in the name pattern is not closed");
    DUNLIN_TRY(const Part part, part_named(pattern.substr(1, end - 1)));
    DUNLIN_CHECK(place(part));
    pattern.remove_prefix(end + 1);
  }
  return {};
}

/// What the pattern makes of the facts; a '*' of the pattern itself comes out as kStar.
constexpr char kStar = '\0';
Result<std::string> expand(std::string_view pattern, const NameFacts& facts) {
  std::string made;
  DUNLIN_CHECK(walk(
      pattern,
      [&](char c) -> Result<void> {
        made += c == '*' ? kStar : c;
        return {};
      },
      [&](Part part) -> Result<void> {
        const std::string& value = facts.*part;
        if (value.empty() || value.contains(kStar))
          return fail(Errc::permission_denied, "the certificate lacks what the name is made of");
        made += value;
        return {};
      }));
  return made;
}

bool fits(std::string_view made, std::string_view asked) {
  const std::size_t star = made.find(kStar);
  if (star == std::string_view::npos) return made == asked;
  const std::string_view before = made.substr(0, star);
  const std::string_view behind = made.substr(star + 1);
  return asked.size() >= before.size() + behind.size() && asked.starts_with(before) &&
         asked.ends_with(behind);
}

std::string_view default_pattern(const NameFacts& facts) {
  if (!facts.thing_name.empty()) return "{san}";
  if (!facts.common_name.empty()) return "{cn}";
  return "{name}";
}

}  // namespace

Result<void> check_pattern(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes)
    return fail(Errc::limit_exceeded,
                "a name pattern has at most " + std::to_string(kMaxPatternBytes) + " bytes");
  std::size_t stars = 0;
  DUNLIN_CHECK(walk(
      pattern,
      [&](char c) -> Result<void> {
        if (c == '*') {
          ++stars;
          return {};
        }
        // A letter before it: the rule about the first character is not this one's.
        return security::check_thing_name(std::string("x") + c);
      },
      [](Part) -> Result<void> { return {}; }));
  if (stars > 1) return fail(Errc::invalid_argument, "a name pattern has at most one *");
  return {};
}

Result<std::string> name_by(std::string_view pattern, const NameFacts& facts) {
  DUNLIN_TRY(const std::string made, expand(pattern.empty() ? default_pattern(facts) : pattern, facts));
  if (facts.asked.empty() && made.contains(kStar))
    return fail(Errc::invalid_argument, "the device must say which name it wants");
  if (!facts.asked.empty() && !fits(made, facts.asked))
    return fail(Errc::permission_denied, "the name is not the one that this device may have");
  const std::string name = facts.asked.empty() ? made : facts.asked;
  DUNLIN_CHECK(security::check_thing_name(name));
  return name;
}

}  // namespace dunlin::provision
