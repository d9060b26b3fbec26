#include "service/rules/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "service/rules/limits.h"
#include "service/rules/number.h"

namespace dunlin::rules {
namespace {

namespace json = simdjson::ondemand;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// RFC 8259 section 6. The reader hands out numbers as they stand.
bool is_json_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) return false;
  if (spells_number(text)) return true;
  // The one thing that JSON has beyond that.
  const std::size_t plus = text.find('+');
  if (plus == std::string_view::npos || plus == 0 || (text[plus - 1] | 0x20) != 'e') return false;
  const std::string_view exponent = text.substr(plus + 1);
  return spells_number(text.substr(0, plus - 1)) && !exponent.empty() &&
         std::ranges::all_of(exponent, is_digit) &&
         text.substr(0, plus - 1).find_first_of("eE") == std::string_view::npos;
}

/// With texts and big numbers in the arena. nullopt: it is full.
std::optional<Value> copied(Value value, Arena& arena);

std::optional<std::string_view> copied(std::string_view text, Arena& arena) {
  const auto kept = arena.items<char>(text.size());
  if (kept.size() != text.size()) return std::nullopt;
  std::ranges::copy(text, kept.begin());
  return std::string_view(kept.data(), kept.size());
}

std::optional<Value> copied_array(Value array, Arena& arena) {
  const auto elements = arena.items<Value>(array.elements().size());
  if (elements.size() != array.elements().size()) return std::nullopt;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto element = copied(array.elements()[i], arena);
    if (!element) return std::nullopt;
    elements[i] = *element;
  }
  return Value::array(elements);
}

std::optional<Value> copied_object(Value object, Arena& arena) {
  const auto members = arena.items<Member>(object.members().size());
  if (members.size() != object.members().size()) return std::nullopt;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto name = copied(object.members()[i].name, arena);
    const auto value = copied(object.members()[i].value, arena);
    if (!name || !value) return std::nullopt;
    members[i] = {*name, *value};
  }
  return Value::object(members);
}

std::optional<Value> copied(Value value, Arena& arena) {
  if (value.is_array()) return copied_array(value, arena);
  if (value.is_object()) return copied_object(value, arena);
  if (!value.is_text() && value.kind() != Value::Kind::big) return value;
  const auto text = copied(value.characters(), arena);
  if (!text) return std::nullopt;
  return value.is_text() ? Value::text(*text) : Value::big(*text);
}

std::string_view without_blanks(std::string_view token) {
  return token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace

class JsonReader::Impl {
 public:
  Value read(std::string_view text, Arena& arena) {
    arena_ = &arena;
    values_.clear();
    members_.clear();
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    // A lone scalar is read as the only element of a list.
    const bool is_lone = text[first] != '{' && text[first] != '[';
    buffer_.clear();
    buffer_.reserve(text.size() + 2 + simdjson::SIMDJSON_PADDING);
    if (is_lone) buffer_ += '[';
    buffer_ += text;
    if (is_lone) buffer_ += ']';
    json::document document;
    const simdjson::padded_string_view padded(buffer_.data(), buffer_.size(), buffer_.capacity());
    if (parser_.iterate(padded).get(document) != simdjson::SUCCESS) return {};
    json::value root;
    if (document.get_value().get(root) != simdjson::SUCCESS) return {};
    const auto value = read_value(root, is_lone ? 0 : 1);
    if (!value || document.current_location().error() != simdjson::OUT_OF_BOUNDS) return {};
    if (!is_lone) return *value;
    return value->elements().size() == 1 && !value->elements()[0].is_array() &&
                   !value->elements()[0].is_object()
               ? value->elements()[0]
               : Value();
  }

 private:
  std::optional<Value> read_value(json::value value, std::size_t depth) {
    json::json_type type{};
    if (depth > kMaxPayloadDepth || value.type().get(type) != simdjson::SUCCESS) return std::nullopt;
    switch (type) {
      case json::json_type::object:
        return read_object(value, depth);
      case json::json_type::array:
        return read_array(value, depth);
      case json::json_type::string: {
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
        return Value::text(text);
      }
      case json::json_type::number: {
        const std::string_view token = without_blanks(value.raw_json_token());
        if (!is_json_number(token)) return std::nullopt;
        return parse_number(token);
      }
      case json::json_type::boolean: {
        bool truth = false;
        if (value.get_bool().get(truth) != simdjson::SUCCESS) return std::nullopt;
        return Value::boolean(truth);
      }
      default: {
        bool null = false;
        if (value.is_null().get(null) != simdjson::SUCCESS || !null) return std::nullopt;
        return Value::null();
      }
    }
  }

  std::optional<Value> read_array(json::value value, std::size_t depth) {
    json::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return std::nullopt;
    const std::size_t begin = values_.size();
    for (auto element : array) {
      json::value inner;
      if (std::move(element).get(inner) != simdjson::SUCCESS) return std::nullopt;
      const auto read = read_value(inner, depth + 1);
      if (!read) return std::nullopt;
      values_.push_back(*read);
    }
    const std::size_t count = values_.size() - begin;
    const auto kept = arena_->items<Value>(count);
    if (kept.size() != count) return std::nullopt;
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(begin), count, kept.begin());
    values_.resize(begin);
    return Value::array(kept);
  }

  std::optional<Value> read_object(json::value value, std::size_t depth) {
    json::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
    const std::size_t begin = members_.size();
    for (auto member : object) {
      std::string_view name;
      json::field field;
      if (std::move(member).get(field) != simdjson::SUCCESS ||
          field.unescaped_key().get(name) != simdjson::SUCCESS)
        return std::nullopt;
      const auto read = read_value(field.value(), depth + 1);
      if (!read) return std::nullopt;
      members_.push_back({name, *read});
    }
    const std::size_t count = drop_repeated(begin);
    const auto kept = arena_->items<Member>(count);
    if (kept.size() != count) return std::nullopt;
    std::copy_n(members_.begin() + static_cast<std::ptrdiff_t>(begin), count, kept.begin());
    members_.resize(begin);
    return Value::object(kept);
  }

  /// Of members with the same name keeps the last value, in the first one's place. Gives how many are left.
  std::size_t drop_repeated(std::size_t begin) {
    constexpr std::size_t kFew = 16;
    const auto all = std::span(members_).subspan(begin);
    if (all.size() > kFew) return drop_repeated_of_many(all);
    std::size_t kept = 0;
    for (const Member& member : all) {
      const auto before = all.first(kept);
      const auto same = std::ranges::find(before, member.name, &Member::name);
      if (same == before.end()) {
        all[kept++] = member;
      } else {
        same->value = member.value;
      }
    }
    return kept;
  }

  static std::size_t drop_repeated_of_many(std::span<Member> all) {
    std::vector<std::uint32_t> order(all.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
      const int names = all[a].name.compare(all[b].name);
      return names != 0 ? names < 0 : a < b;
    });
    std::vector<bool> repeated(all.size());
    for (std::size_t i = 0; i + 1 < order.size();) {
      const std::size_t first = order[i];
      for (++i; i < order.size() && all[order[i]].name == all[first].name; ++i) {
        all[first].value = all[order[i]].value;
        repeated[order[i]] = true;
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!repeated[i]) all[kept++] = all[i];
    }
    return kept;
  }

  json::parser parser_;
  std::string buffer_;
  std::vector<Value> values_;    // of the lists that are being read
  std::vector<Member> members_;  // of the objects
  Arena* arena_ = nullptr;
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;

Value JsonReader::read(std::string_view json, Arena& arena) {
  return impl_->read(json, arena);
}

Value JsonReader::read_copy(std::string_view json, Arena& arena) {
  return copied(impl_->read(json, arena), arena).value_or(Value());
}

}  // namespace dunlin::rules
