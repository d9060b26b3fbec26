#include "wire/line_protocol/encoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "wire/line_protocol/escape.h"

namespace dunlin::line_protocol {
namespace {

constexpr std::size_t kMaxNumberBytes = 32;

/// The caller has made sure that all fits.
class Writer {
 public:
  explicit Writer(std::span<char> into) : begin_(into.data()), at_(begin_), end_(begin_ + into.size()) {}

  void put(char character) { *at_++ = character; }
  void put(std::string_view text) { at_ = std::ranges::copy(text, at_).out; }
  void put_escaped(std::string_view text, Place place) {
    for (const char character : text) {
      if (is_protected(place, character)) put('\\');
      put(character);
    }
  }
  void put_number(auto number) { at_ = std::to_chars(at_, end_, number).ptr; }
  std::size_t length() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

struct WriteValue {
  Writer& writer;
  void operator()(double number) const { writer.put_number(number); }
  void operator()(std::int64_t number) const {
    writer.put_number(number);
    writer.put('i');
  }
  void operator()(std::uint64_t number) const {
    writer.put_number(number);
    writer.put('u');
  }
  void operator()(bool truth) const { writer.put(truth ? "true" : "false"); }
  void operator()(std::string_view text) const {
    writer.put('"');
    writer.put_escaped(text, Place::text);
    writer.put('"');
  }
};

core::Result<void> check_written_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (name.empty()) return core::fail(Errc::unsupported, "a name is empty");
  if (std::ranges::any_of(name, is_control))
    return core::fail(Errc::unsupported, "a name holds a control character");
  if (name.ends_with('\\')) return core::fail(Errc::unsupported, "a name ends with a backslash");
  return {};
}

core::Result<void> check(const PlainLine& line) {
  DUNLIN_CHECK(check_written_name(line.measurement));
  if (line.measurement.starts_with('#'))
    return core::fail(Errc::unsupported, "a measurement that begins with # is a comment");
  for (const auto& [key, value] : line.tags) {
    DUNLIN_CHECK(check_written_name(key));
    DUNLIN_CHECK(check_written_name(value));
  }
  if (line.fields.empty()) return core::fail(Errc::invalid_argument, "a line needs a field");
  for (const auto& [key, value] : line.fields) {
    DUNLIN_CHECK(check_written_name(key));
    const double* number = std::get_if<double>(&value);
    if (number != nullptr && !std::isfinite(*number))
      return core::fail(Errc::invalid_argument, "the line protocol has no number that is not finite");
  }
  return {};
}

}  // namespace

std::size_t encoded_bound(const PlainLine& line) {
  std::size_t bound = 2 * line.measurement.size() + kMaxNumberBytes + 2;
  for (const auto& [key, value] : line.tags) bound += 2 * (key.size() + value.size()) + 2;
  for (const auto& [key, value] : line.fields) {
    const auto* text = std::get_if<std::string_view>(&value);
    bound += 2 * key.size() + 2 + (text != nullptr ? 2 * text->size() + 2 : kMaxNumberBytes);
  }
  return bound;
}

core::Result<std::size_t> encode(const PlainLine& line, std::span<char> into) {
  DUNLIN_CHECK(check(line));
  if (into.size() < encoded_bound(line)) return core::fail(Errc::limit_exceeded, "the line does not fit");
  Writer writer(into);
  writer.put_escaped(line.measurement, Place::measurement);
  for (const auto& [key, value] : line.tags) {
    writer.put(',');
    writer.put_escaped(key, Place::name);
    writer.put('=');
    writer.put_escaped(value, Place::name);
  }
  char before = ' ';
  for (const auto& [key, value] : line.fields) {
    writer.put(before);
    writer.put_escaped(key, Place::name);
    writer.put('=');
    std::visit(WriteValue{writer}, value);
    before = ',';
  }
  if (line.time) {
    writer.put(' ');
    writer.put_number(*line.time);
  }
  writer.put('\n');
  return writer.length();
}

}  // namespace dunlin::line_protocol
