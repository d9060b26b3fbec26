#pragma once
// Regular expressions of the rules' SQL, in RE2's syntax: linear time, whatever the pattern.

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace dunlin::rules {

inline constexpr std::size_t kMaxRegexpBytes = 1024;         // of a pattern
inline constexpr std::size_t kMaxRegexpMemory = 512 * 1024;  // of a compiled one and what it works with
inline constexpr std::size_t kMaxRegexpGroups = 100;
inline constexpr std::size_t kMaxCachedRegexps = 256;
/// Of one replacement: bytes that its searches may have looked at.
inline constexpr std::size_t kMaxRegexpWork = 16 * 1024 * 1024;

/// A compiled pattern. Never changes; any thread.
class Regexp {
 public:
  /// Errors: unsupported (look-around, back references, atomic groups and possessive repetition, which have
  /// no linear time), invalid_argument (what is no regular expression, with the place), limit_exceeded (too
  /// long, or too large when it is compiled).
  static Result<std::shared_ptr<const Regexp>> compile(std::string_view pattern);
  /// compile() makes them.
  explicit Regexp(std::unique_ptr<re2::RE2> program);
  ~Regexp();
  Regexp(const Regexp&) = delete;
  Regexp& operator=(const Regexp&) = delete;

  bool contains(std::string_view text) const;
  /// The first match, a part of `text`; nothing: there is none.
  std::optional<std::string_view> first(std::string_view text) const;
  /// All matches replaced, as Java does: `$0` is the match, `$1` and on its groups (those that took no part
  /// are empty), `\$` and `\\` stand for themselves. Nothing: `replacement` names a group that is not there
  /// or ends in `$` or `\`; the result has more than kMaxResultBytes; or kMaxRegexpWork is used up.
  std::optional<std::string> replace_all(std::string_view text, std::string_view replacement) const;

 private:
  class Replacement;
  std::unique_ptr<re2::RE2> program_;
};

/// The patterns used last, compiled once; those that cannot be compiled are remembered, too. One thread.
class RegexpCache {
 public:
  /// Null: it cannot be compiled.
  std::shared_ptr<const Regexp> find(std::string_view pattern);
  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::string pattern;
    std::shared_ptr<const Regexp> regexp;  // shared with evaluations that outlive its place here
  };
  std::list<Entry> order_;  // the one used last in front
  std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;
};

}  // namespace dunlin::rules
