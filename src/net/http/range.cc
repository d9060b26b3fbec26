#include "net/http/range.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "net/http/headers.h"

namespace dunlin::net::http {
namespace {

constexpr std::string_view kUnit = "bytes";

/// Digits alone; those past what fits are the largest number.
std::optional<std::uint64_t> number_of(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

RangeAnswer last_bytes(std::uint64_t count, std::uint64_t size) {
  if (count == 0) return {RangeAnswer::Outcome::unsatisfiable};
  // No range describes an empty body.
  if (size == 0) return {};
  return {RangeAnswer::Outcome::part, {size - std::min(count, size), size - 1}};
}

}  // namespace

RangeAnswer read_range(std::string_view field, std::uint64_t size) {
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos || !equals_ignoring_case(field.substr(0, equals), kUnit)) return {};
  const auto ranges = list_elements(field.substr(equals + 1));
  if (ranges.size() != 1) return {};
  const std::size_t dash = ranges.front().find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view from = ranges.front().substr(0, dash);
  const std::string_view to = ranges.front().substr(dash + 1);
  const auto last = number_of(to);
  if (from.empty()) return last ? last_bytes(*last, size) : RangeAnswer{};
  const auto first = number_of(from);
  if (!first || (!to.empty() && (!last || *last < *first))) return {};
  if (*first >= size) return {RangeAnswer::Outcome::unsatisfiable};
  return {RangeAnswer::Outcome::part, {*first, std::min(last.value_or(size - 1), size - 1)}};
}

bool if_range_holds(std::string_view if_range, std::string_view entity_tag) {
  const std::string_view tag = trimmed(if_range);
  return tag.size() == entity_tag.size() + 2 && tag.front() == '"' && tag.back() == '"' &&
         tag.substr(1, entity_tag.size()) == entity_tag;
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" +
         std::to_string(size);
}

std::string unsatisfied_range(std::uint64_t size) {
  return "bytes */" + std::to_string(size);
}

std::optional<ContentRange> parse_content_range(std::string_view field) {
  constexpr std::string_view kPrefix = "bytes ";
  if (!field.starts_with(kPrefix)) return std::nullopt;
  field.remove_prefix(kPrefix.size());
  const std::size_t dash = field.find('-');
  const std::size_t slash = field.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = number_of(field.substr(0, dash));
  const auto last = number_of(field.substr(dash + 1, slash - dash - 1));
  const auto size = number_of(field.substr(slash + 1));
  if (!first || !last || !size || *first > *last || *last >= *size) return std::nullopt;
  return ContentRange{{*first, *last}, *size};
}

}  // namespace dunlin::net::http
