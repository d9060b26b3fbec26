#include "security/topic_pattern.h"

#include <optional>

#include "security/limits.h"
#include "security/names.h"
#include "security/principals.h"

namespace dunlin::security {
namespace {

/// Hands out the levels of a topic or filter, one by one.
class LevelReader {
 public:
  explicit LevelReader(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next() {
    if (done_) return std::nullopt;
    const std::size_t slash = rest_.find('/');
    const std::string_view level = rest_.substr(0, slash);
    done_ = slash == std::string_view::npos;
    if (!done_) rest_.remove_prefix(slash + 1);
    return level;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

/// "#" also stands for "no more levels"; where that would leave an empty topic, which does not exist, the
/// first of its levels is written out. So filters that match the same topics compare alike.
std::string_view spelled_out(std::string_view filter) {
  if (filter == "#") return "+/#";
  if (filter == "/#") return "/+/#";
  return filter;
}

constexpr std::string_view kAttributePrefix = "thing.attribute.";

Result<TemplatePart> parse_variable(std::string_view name) {
  TemplatePart part{.kind = TemplatePart::Kind::variable, .text = {}, .variable = Variable::thing_name};
  if (name == "thing.name") return part;
  if (name == "client.id") {
    part.variable = Variable::client_id;
    return part;
  }
  if (name == "certificate.fingerprint") {
    part.variable = Variable::certificate_fingerprint;
    return part;
  }
  for (const std::string_view field : {"common_name", "serial", "issuer"}) {
    if (name != "certificate." + std::string(field)) continue;
    part.variable = Variable::certificate_field;
    part.text = std::string(kCertificateAttributes) + std::string(field);
    return part;
  }
  if (name == "thing.lifecycle") {
    part.variable = Variable::thing_lifecycle;
    return part;
  }
  if (name.starts_with(kAttributePrefix) && name.size() > kAttributePrefix.size()) {
    part.variable = Variable::thing_attribute;
    part.text = name.substr(kAttributePrefix.size());
    return part;
  }
  return fail(Errc::malformed, "unknown variable ${" + std::string(name) + "}");
}

std::string_view value_of(const TemplatePart& part, const Principal& principal) {
  switch (part.variable) {
    case Variable::thing_name:
      return principal.is_thing() ? std::string_view(principal.name) : std::string_view();
    case Variable::thing_lifecycle:
      return principal.is_thing() ? lifecycle_name(principal.standing.lifecycle) : std::string_view();
    case Variable::client_id:
      return principal.client_id;
    case Variable::certificate_fingerprint:
      return principal.fingerprint();
    case Variable::certificate_field:
    case Variable::thing_attribute:
      return principal.attribute(part.text);
  }
  return {};
}

// find_first_of() would be a call for each character.
bool has_wildcard(std::string_view text) {
  return text.contains('+') || text.contains('#');
}

bool is_usable_value(std::string_view value) {
  return !value.empty() && value.size() <= kMaxVariableBytes && !has_wildcard(value) &&
         !value.contains('/') && !value.contains('$') && is_clean_utf8(value);
}

bool is_valid_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTopicBytes && is_clean_utf8(text);
}

}  // namespace

Result<Template> parse_template(std::string_view text) {
  Template parts;
  while (!text.empty()) {
    const std::size_t open = text.find("${");
    if (open != 0)
      parts.push_back({.kind = TemplatePart::Kind::text, .text = std::string(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return fail(Errc::malformed, "a variable is not closed: ${ needs }");
    DUNLIN_TRY(TemplatePart part, parse_variable(text.substr(open + 2, close - open - 2)));
    parts.push_back(std::move(part));
    text.remove_prefix(close + 1);
  }
  return parts;
}

namespace {

/// What is left of the text behind the template. Every variable is looked at, also where the text has turned
/// out to be another: an unusable one decides.
Fit take_template(const Template& pattern, const Principal& principal, std::string_view& text) {
  Fit fit = Fit::equal;
  for (const TemplatePart& part : pattern) {
    const bool is_variable = part.kind == TemplatePart::Kind::variable;
    const std::string_view value = is_variable ? value_of(part, principal) : std::string_view(part.text);
    if (is_variable && !is_usable_value(value)) return Fit::unusable;
    if (fit == Fit::different) continue;
    if (text.starts_with(value)) {
      text.remove_prefix(value.size());
    } else {
      fit = Fit::different;
    }
  }
  return fit;
}

}  // namespace

Fit fit_whole(const Template& pattern, const Principal& principal, std::string_view text) {
  const Fit fit = take_template(pattern, principal, text);
  return fit == Fit::equal && !text.empty() ? Fit::different : fit;
}

Fit fit_beginning(const Template& pattern, const Principal& principal, std::string_view text) {
  return take_template(pattern, principal, text);
}

/// A level that is not `rest` beside a level of a topic or filter.
TopicPattern::Met TopicPattern::meet(const Level& level, std::string_view text, const For& whom) {
  if (level.kind == Level::Kind::any) return Met::anything;
  if (level.kind == Level::Kind::text) return level.text == text ? Met::text : Met::no;
  const Fit fit = fit_whole(level.parts, whom.principal, text);
  if (fit == Fit::unusable) return whom.effect == Effect::allow ? Met::no : Met::anything;
  return fit == Fit::equal ? Met::text : Met::no;
}

bool TopicPattern::matches(std::string_view topic, const For& whom) const {
  LevelReader reader(topic);
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    const auto level = reader.next();
    if (!level) return false;
    const Met met = meet(levels_[i], *level, whom);
    if (met == Met::no) return false;
    if (met == Met::anything && i == 0 && level->starts_with('$')) return false;  // [MQTT-4.7.2-1]
  }
  return !reader.next();
}

bool TopicPattern::covers(std::string_view filter, const For& whom) const {
  LevelReader reader(spelled_out(filter));
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    const auto level = reader.next();
    if (!level || *level == "#") return false;
    const Met met = meet(levels_[i], *level, whom);
    if (met == Met::no) return false;
    if (met == Met::anything && i == 0 && level->starts_with('$')) return false;
  }
  return !reader.next();
}

bool TopicPattern::overlaps(std::string_view filter, const Principal& principal) const {
  const For whom{principal, Effect::deny};
  LevelReader reader(spelled_out(filter));
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    const auto level = reader.next();
    if (!level) return false;
    if (*level == "#") return true;
    const Met met = meet(levels_[i], *level, whom);
    if (*level == "+") {
      if (i == 0 && met != Met::anything && levels_[i].text.starts_with('$')) return false;
      continue;
    }
    if (met == Met::no) return false;
    if (met == Met::anything && i == 0 && level->starts_with('$')) return false;
  }
  const auto level = reader.next();
  return !level || *level == "#";
}

Result<TopicPattern> TopicPattern::parse(std::string_view pattern) {
  using Kind = Level::Kind;
  if (!is_valid_text(pattern)) return fail(Errc::malformed, "the pattern is empty or not clean UTF-8");
  TopicPattern parsed;
  LevelReader reader(spelled_out(pattern));
  while (const auto level = reader.next()) {
    if (parsed.levels_.size() == kMaxTopicLevels) {
      return fail(Errc::limit_exceeded, "more than " + std::to_string(kMaxTopicLevels) + " levels");
    }
    if (!parsed.levels_.empty() && parsed.levels_.back().kind == Kind::rest) {
      return fail(Errc::malformed, "# must be the last level");
    }
    if (*level == "+" || *level == "#") {
      parsed.levels_.push_back({.kind = *level == "+" ? Kind::any : Kind::rest, .text = {}, .parts = {}});
      continue;
    }
    if (has_wildcard(*level)) {
      return fail(Errc::malformed, "+ and # must stand alone in their level");
    }
    DUNLIN_TRY(Template parts, parse_template(*level));
    const bool plain = parts.empty() || (parts.size() == 1 && parts[0].kind == TemplatePart::Kind::text);
    std::string text = parts.empty() ? std::string() : parts.front().text;
    if (!plain && parts.front().kind == TemplatePart::Kind::variable) text.clear();
    if (plain) parts.clear();
    parsed.levels_.push_back(
        {.kind = plain ? Kind::text : Kind::variable, .text = std::move(text), .parts = std::move(parts)});
  }
  return parsed;
}

bool is_valid_topic(std::string_view topic) {
  return is_valid_text(topic) && !has_wildcard(topic);
}

bool is_valid_filter(std::string_view filter) {
  if (!is_valid_text(filter)) return false;
  LevelReader reader(filter);
  bool ended = false;
  while (const auto level = reader.next()) {
    if (ended) return false;
    ended = *level == "#";
    if (level->size() > 1 && has_wildcard(*level)) return false;
  }
  return true;
}

}  // namespace dunlin::security
