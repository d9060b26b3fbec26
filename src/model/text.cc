#include "model/text.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace dunlin::model {
namespace {

using boost::json::value;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == ':';
}

void append_number(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  const std::string_view text(digits.data(),
                              error == std::errc() ? static_cast<std::size_t>(end - digits.data()) : 0);
  out += text;
  // A whole double stays a double for who reads it.
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append(const value& node, std::string& out);

void append_object(const boost::json::object& object, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!first) out += ',';
    first = false;
    out += boost::json::serialize(boost::json::string_view(member.key()));
    out += ':';
    append(member.value(), out);
  }
  out += '}';
}

void append(const value& node, std::string& out) {
  if (node.is_double()) return append_number(node.get_double(), out);
  if (node.is_object()) return append_object(node.get_object(), out);
  if (!node.is_array()) {
    out += boost::json::serialize(node);
    return;
  }
  out += '[';
  bool first = true;
  for (const value& element : node.get_array()) {
    if (!first) out += ',';
    first = false;
    append(element, out);
  }
  out += ']';
}

bool same_number(const value& a, const value& b) {
  if (a.is_double() || b.is_double()) return a.to_number<double>() == b.to_number<double>();
  return a == b;  // whole numbers of either kind compare exactly
}

bool same_members(const boost::json::object& a, const boost::json::object& b) {
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a, [&b](const auto& member) {
    const value* other = b.if_contains(member.key());
    return other != nullptr && same_value(member.value(), *other);
  });
}

}  // namespace

Result<void> check_thing_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kMaxThingNameBytes;
  if (!fits || !std::ranges::all_of(name, is_name_character)) {
    return fail(Errc::invalid_argument,
                "a thing's name has 1 to 128 letters, digits or the characters - _ . :");
  }
  // Such a thing could be given no credential (security/names.h), so it would only look like one.
  if (name.starts_with("user-"))
    return fail(Errc::invalid_argument,
                "a thing's name must not begin with user-: such client ids belong to users");
  return {};
}

std::string_view cut_text(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  constexpr std::size_t kMostBytes = 64;
  if (name.empty() || name.size() > kMostBytes) return {};
  std::size_t least = name.size() < 4 ? 2 : 3;  // from here on it is another word
  std::string_view nearest;
  for (const std::string_view other : known) {
    // Letters to be changed, put in or taken out: a row of the table of all beginnings at a time.
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i + 1);
      for (std::size_t k = 0; k < other.size(); ++k) {
        const std::size_t changed = diagonal + (name[i] == other[k] ? 0 : 1);
        diagonal = row[k + 1];
        row[k + 1] = std::min({changed, row[k] + 1, diagonal + 1});
      }
    }
    if (row.back() >= least) continue;
    least = row.back();
    nearest = other;
  }
  return nearest;
}

std::string json_text(const value& node) {
  std::string out;
  append(node, out);
  return out;
}

bool same_value(const value& a, const value& b) {
  if (a.is_number() && b.is_number()) return same_number(a, b);
  if (a.is_object() && b.is_object()) return same_members(a.get_object(), b.get_object());
  if (!a.is_array() || !b.is_array()) return a == b;
  return std::ranges::equal(a.get_array(), b.get_array(), same_value);
}

}  // namespace dunlin::model
