#include "service/series/line_values.h"

#include <limits>
#include <string>

#include "wire/line_protocol/escape.h"

namespace dunlin::series {
namespace {

using line_protocol::PlainValue;
using line_protocol::Text;

struct FromLine {
  model::Value operator()(std::uint64_t number) const {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (number <= kMost) return static_cast<std::int64_t>(number);
    return static_cast<double>(number);
  }
  model::Value operator()(const Text& text) const {
    if (!text.escaped) return std::string(text.raw);
    std::string plain(text.raw.size(), '\0');
    return std::string(line_protocol::unescape(text, line_protocol::Place::text, plain));
  }
  model::Value operator()(auto same) const { return same; }
};

struct ToLine {
  PlainValue operator()(const std::string& text) const { return std::string_view(text); }
  PlainValue operator()(const model::JsonText& text) const { return std::string_view(text.value); }
  PlainValue operator()(const model::Bytes& bytes) const {
    return static_cast<std::int64_t>(bytes.value.size());
  }
  PlainValue operator()(auto same) const { return same; }
};

}  // namespace

model::Value value_of_line(const line_protocol::Value& value) {
  return std::visit(FromLine{}, value);
}

line_protocol::PlainValue line_value(const model::Value& value) {
  return std::visit(ToLine{}, value);
}

}  // namespace dunlin::series
