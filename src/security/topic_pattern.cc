#include "security/topic_pattern.h"

#include <optional>

#include "security/limits.h"
#include "security/names.h"

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
  if (name.starts_with(kAttributePrefix) && name.size() > kAttributePrefix.size()) {
    part.variable = Variable::thing_attribute;
    part.text = name.substr(kAttributePrefix.size());
    return part;
  }
  return fail(Errc::malformed, "unknown variable ${" + std::string(name) + "}");
}

std::string_view value_of(const TemplatePart& part, const Principal& principal) {
  const bool is_thing = principal.kind == PrincipalKind::device || principal.kind == PrincipalKind::gateway;
  switch (part.variable) {
    case Variable::thing_name:
      return is_thing ? std::string_view(principal.name) : std::string_view();
    case Variable::client_id:
      return principal.client_id;
    case Variable::certificate_fingerprint:
      return principal.fingerprint();
    case Variable::thing_attribute:
      return principal.attribute(part.text);
  }
  return {};
}

bool is_usable_value(std::string_view value) {
  return !value.empty() && value.size() <= kMaxVariableBytes &&
         value.find_first_of("/+#$") == std::string_view::npos && is_clean_utf8(value);
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

Substituted substitute(const Template& text, const Principal& principal) {
  Substituted result;
  for (const TemplatePart& part : text) {
    if (part.kind == TemplatePart::Kind::text) {
      result.text += part.text;
      continue;
    }
    const std::string_view value = value_of(part, principal);
    if (!is_usable_value(value)) return {.usable = Usable::no, .text = {}};
    result.text += value;
  }
  return result;
}

bool TopicPattern::matches(std::string_view topic) const {
  if (never_) return false;
  LevelReader reader(topic);
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    const auto level = reader.next();
    if (!level) return false;
    if (levels_[i].kind == Level::Kind::text) {
      if (levels_[i].text != *level) return false;
    } else if (i == 0 && level->starts_with('$')) {
      return false;  // [MQTT-4.7.2-1]
    }
  }
  return !reader.next();
}

bool TopicPattern::covers(std::string_view filter) const {
  if (never_) return false;
  LevelReader reader(spelled_out(filter));
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    const auto level = reader.next();
    if (!level || *level == "#") return false;
    if (levels_[i].kind == Level::Kind::text) {
      if (levels_[i].text != *level) return false;
    } else if (i == 0 && level->starts_with('$')) {
      return false;
    }
  }
  return !reader.next();
}

bool TopicPattern::overlaps(std::string_view filter) const {
  if (never_) return false;
  LevelReader reader(spelled_out(filter));
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    const auto level = reader.next();
    if (!level) return false;
    if (*level == "#") return true;
    const bool any = levels_[i].kind == Level::Kind::any;
    if (i == 0 && any && level->starts_with('$')) return false;
    if (i == 0 && *level == "+" && levels_[i].text.starts_with('$')) return false;
    if (!any && *level != "+" && levels_[i].text != *level) return false;
  }
  const auto level = reader.next();
  return !level || *level == "#";
}

Result<TopicPatternSource> TopicPatternSource::parse(std::string_view pattern) {
  using Kind = TopicPattern::Level::Kind;
  if (!is_valid_text(pattern)) return fail(Errc::malformed, "the pattern is empty or not clean UTF-8");
  TopicPatternSource source;
  LevelReader reader(spelled_out(pattern));
  while (const auto level = reader.next()) {
    if (source.levels_.size() == kMaxTopicLevels) {
      return fail(Errc::limit_exceeded, "more than " + std::to_string(kMaxTopicLevels) + " levels");
    }
    if (!source.levels_.empty() && source.levels_.back().kind == Kind::rest) {
      return fail(Errc::malformed, "# must be the last level");
    }
    if (*level == "+" || *level == "#") {
      source.levels_.push_back({.kind = *level == "+" ? Kind::any : Kind::rest, .text = {}});
      continue;
    }
    if (level->find_first_of("+#") != std::string_view::npos) {
      return fail(Errc::malformed, "+ and # must stand alone in their level");
    }
    DUNLIN_TRY(Template text, parse_template(*level));
    source.levels_.push_back({.kind = Kind::text, .text = std::move(text)});
  }
  return source;
}

TopicPattern TopicPatternSource::bind(const Principal& principal, Effect effect) const {
  using Kind = TopicPattern::Level::Kind;
  TopicPattern bound;
  for (const Level& level : levels_) {
    Substituted text = substitute(level.text, principal);
    if (text.usable == Usable::yes) {
      bound.levels_.push_back({.kind = level.kind, .text = std::move(text.text)});
      continue;
    }
    bound.never_ = bound.never_ || effect == Effect::allow;
    bound.levels_.push_back({.kind = Kind::any, .text = {}});
  }
  return bound;
}

bool is_valid_topic(std::string_view topic) {
  return is_valid_text(topic) && topic.find_first_of("+#") == std::string_view::npos;
}

bool is_valid_filter(std::string_view filter) {
  if (!is_valid_text(filter)) return false;
  LevelReader reader(filter);
  bool ended = false;
  while (const auto level = reader.next()) {
    if (ended) return false;
    ended = *level == "#";
    if (level->size() > 1 && level->find_first_of("+#") != std::string_view::npos) return false;
  }
  return true;
}

}  // namespace dunlin::security
