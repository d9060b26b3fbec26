#include "service/rules/regexp.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const re2::StringPiece& text) {
  return {text.data(), text.size()};
}

RE2::Options options() {
  RE2::Options made;
  made.set_log_errors(false);
  made.set_max_mem(static_cast<std::int64_t>(kMaxRegexpMemory));
  return made;
}

/// What RE2 leaves out on purpose, said in words.
std::string_view left_out(const RE2& program) {
  const std::string& at = program.error_arg();
  if (program.error_code() == RE2::ErrorBadEscape && at.size() == 2 && at[1] >= '1' && at[1] <= '9')
    return "back references";
  if (program.error_code() == RE2::ErrorBadEscape && at == "\\k") return "back references";
  if (program.error_code() == RE2::ErrorRepeatOp && at.size() == 2 && at[1] == '+')
    return "possessive repetition";
  const auto begins = [&](std::string_view words) { return std::string_view(at).starts_with(words); };
  if (begins("(?=") || begins("(?!")) return "look-around";
  if (begins("(?>")) return "atomic groups";
  // RE2 shows no more of these than their beginning, which they share with the names of groups.
  if (begins("(?<") && (std::string_view(program.pattern()).contains("(?<=") ||
                        std::string_view(program.pattern()).contains("(?<!")))
    return "look-around";
  return {};
}

Error reason(const RE2& program) {
  if (const std::string_view what = left_out(program); !what.empty())
    return {Errc::unsupported, "a regular expression with " + std::string(what) + " (" + program.error_arg() +
                                   ") is not supported: its time has no bound"};
  if (program.error_code() == RE2::ErrorPatternTooLarge || program.error_code() == RE2::ErrorRepeatSize)
    return {Errc::limit_exceeded, "a regular expression is too large when its repetitions are written out"};
  if (std::string_view(program.error_arg()).starts_with("(?<"))
    return {Errc::invalid_argument, "a regular expression names a group by (?P<name>...)"};
  return {Errc::invalid_argument, "no regular expression: " + program.error()};
}

std::size_t character_at(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  return end - at;
}

}  // namespace

/// The pieces of "$1-\$": a literal in front of each group, and one at the end.
class Regexp::Replacement {
 public:
  static std::optional<Replacement> parse(std::string_view text, int groups) {
    Replacement made;
    made.parts_.emplace_back();
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '$' && text[i] != '\\') {
        made.parts_.back().literal += text[i];
        continue;
      }
      if (++i == text.size()) return std::nullopt;
      if (text[i - 1] == '\\') {
        made.parts_.back().literal += text[i];
        continue;
      }
      const auto digit = [&](std::size_t at) {
        return at < text.size() && text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : -1;
      };
      int group = digit(i);
      if (group < 0 || group > groups) return std::nullopt;
      // As many digits as there is a group for.
      while (group > 0 && digit(i + 1) >= 0 && group * 10 + digit(i + 1) <= groups)
        group = group * 10 + digit(++i);
      made.parts_.back().group = static_cast<std::size_t>(group);
      made.parts_.emplace_back();
    }
    return made;
  }

  void append_to(std::string& result, const std::vector<re2::StringPiece>& groups) const {
    for (const Part& part : parts_) {
      result += part.literal;
      if (part.group) result += view(groups[*part.group]);
    }
  }

 private:
  struct Part {
    std::string literal;
    std::optional<std::size_t> group;
  };
  std::vector<Part> parts_;
};

Regexp::Regexp(std::unique_ptr<re2::RE2> program) : program_(std::move(program)) {}
Regexp::~Regexp() = default;

Result<std::shared_ptr<const Regexp>> Regexp::compile(std::string_view pattern) {
  if (pattern.size() > kMaxRegexpBytes)
    return fail(Errc::limit_exceeded,
                "a regular expression is longer than " + std::to_string(kMaxRegexpBytes) + " bytes");
  auto program = std::make_unique<RE2>(piece(pattern), options());
  if (!program->ok()) return std::unexpected(reason(*program));
  if (static_cast<std::size_t>(program->NumberOfCapturingGroups()) > kMaxRegexpGroups)
    return fail(Errc::limit_exceeded,
                "a regular expression has more than " + std::to_string(kMaxRegexpGroups) + " groups");
  return std::make_shared<const Regexp>(std::move(program));
}

bool Regexp::contains(std::string_view text) const {
  return program_->Match(piece(text), 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

std::optional<std::string_view> Regexp::first(std::string_view text) const {
  re2::StringPiece match;
  if (!program_->Match(piece(text), 0, text.size(), RE2::UNANCHORED, &match, 1)) return std::nullopt;
  return view(match);
}

std::optional<std::string> Regexp::replace_all(std::string_view text, std::string_view replacement) const {
  const int groups = program_->NumberOfCapturingGroups();
  const auto parts = Replacement::parse(replacement, groups);
  if (!parts) return std::nullopt;
  std::vector<re2::StringPiece> found(static_cast<std::size_t>(groups) + 1);
  std::string result;
  std::size_t copied = 0;
  std::size_t work = 0;
  for (std::size_t from = 0; from <= text.size();) {
    // A search may look at all that is left, and there may be one for each byte.
    work += text.size() - from;
    if (work > kMaxRegexpWork) return std::nullopt;
    if (!program_->Match(piece(text), from, text.size(), RE2::UNANCHORED, found.data(),
                         static_cast<int>(found.size())))
      break;
    const auto at = static_cast<std::size_t>(found[0].data() - text.data());
    result += text.substr(copied, at - copied);
    parts->append_to(result, found);
    if (result.size() > kMaxResultBytes) return std::nullopt;
    copied = at + found[0].size();
    from = found[0].empty() ? copied + character_at(text, copied) : copied;
  }
  result += text.substr(std::min(copied, text.size()));
  if (result.size() > kMaxResultBytes) return std::nullopt;
  return result;
}

std::shared_ptr<const Regexp> RegexpCache::find(std::string_view pattern) {
  if (const auto known = places_.find(pattern); known != places_.end()) {
    order_.splice(order_.begin(), order_, known->second);
    return known->second->regexp;
  }
  // Nobody keeps what is too long.
  if (pattern.size() > kMaxRegexpBytes) return nullptr;
  if (order_.size() == kMaxCachedRegexps) {
    places_.erase(order_.back().pattern);
    order_.pop_back();
  }
  order_.push_front({std::string(pattern), Regexp::compile(pattern).value_or(nullptr)});
  places_.emplace(order_.front().pattern, order_.begin());
  return order_.front().regexp;
}

}  // namespace dunlin::rules
