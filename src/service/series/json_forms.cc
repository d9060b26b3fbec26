#include "service/series/json_forms.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <string>

#include "base/time_text.h"

namespace dunlin::series {
namespace {

constexpr std::array<std::string_view, 3> kQualities = {"good", "uncertain", "bad"};

struct ToJson {
  boost::json::value operator()(double number) const {
    if (!std::isfinite(number)) return nullptr;
    return boost::json::value(number);
  }
  boost::json::value operator()(const std::string& text) const { return boost::json::value(text); }
  boost::json::value operator()(const model::JsonText& text) const { return boost::json::value(text.value); }
  boost::json::value operator()(const model::Bytes& bytes) const {
    return boost::json::value(bytes.value.size());
  }
  boost::json::value operator()(auto plain) const { return boost::json::value(plain); }
};

}  // namespace

boost::json::value value_json(const model::Value& value) {
  return std::visit(ToJson{}, value);
}

std::string_view quality_name(model::Quality quality) {
  return kQualities[static_cast<std::size_t>(quality)];
}

std::optional<model::Quality> quality_of(std::string_view name) {
  const auto found = std::ranges::find(kQualities, name);
  if (found == kQualities.end()) return std::nullopt;
  return static_cast<model::Quality>(found - kQualities.begin());
}

Result<WallTime> read_time(const boost::json::value& value, std::string_view name) {
  std::int64_t milliseconds = -1;
  if (value.is_number()) {
    const double number = value.to_number<double>();
    if (number >= 0 && number < 1e13) milliseconds = static_cast<std::int64_t>(number);
  } else if (value.is_string()) {
    const std::string text(value.get_string());
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 15)
      return parse_rfc3339(text);
    milliseconds = std::stoll(text);
  }
  constexpr std::int64_t kMost = 9'200'000'000'000;
  if (milliseconds < 0 || milliseconds > kMost) {
    return fail(Errc::invalid_argument,
                "\"" + std::string(name) + "\" must be a time: Unix milliseconds or RFC 3339");
  }
  return from_unix_milliseconds(milliseconds);
}

Result<WallTime> time_field(const boost::json::object& request, std::string_view name, WallTime absent) {
  const auto* value = request.if_contains(name);
  if (value == nullptr || value->is_null()) return absent;
  return read_time(*value, name);
}

}  // namespace dunlin::series
