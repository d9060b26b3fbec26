#include "wire/line_protocol/decoder.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <system_error>

#include "base/core/utf8.h"
#include "wire/line_protocol/escape.h"
#include "wire/line_protocol/scan.h"

namespace dunlin::line_protocol {
namespace {

constexpr std::uint64_t kExactInteger = std::uint64_t{1} << 53;
constexpr std::string_view kTooLong = "the line is longer than 64 KiB";
constexpr std::size_t kSafeDigits = 18;  // as many always fit 64 bits
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// Decimal digits; `value` counts for up to kSafeDigits of them.
struct Digits {
  std::uint64_t value = 0;
  const char* end = nullptr;
};
Digits read_digits(const char* at, const char* end, std::uint64_t before) {
  Digits digits{before, at};
  for (; digits.end != end && is_digit(*digits.end); ++digits.end)
    digits.value = digits.value * 10 + static_cast<std::uint64_t>(*digits.end - '0');
  return digits;
}

template <class Integer>
bool read_exactly(const char* begin, const char* end, Integer& into) {
  const auto [stop, error] = std::from_chars(begin, end, into);
  return error == std::errc() && stop == end;
}

}  // namespace

LineError error_at(const Line& line, std::string_view place, std::string_view why) {
  return {line.number, static_cast<std::size_t>(place.data() - line.bytes.data()) + 1, why};
}

std::optional<LineResult> Decoder::next() {
  if (!find_line()) return std::nullopt;
  Line line;
  line.number = number_;
  inner_lines_ = 0;
  if (const Why why = read_line(line); !why.empty()) return refuse(why);
  line.bytes = {line_, static_cast<std::size_t>(at_ - line_)};
  line.fields = std::span(fields_).first(count_);
  number_ += inner_lines_;
  if (at_ != end_) {
    ++at_;
    ++number_;
  }
  return line;
}

/// Skips blank lines and comments.
bool Decoder::find_line() {
  while (true) {
    line_ = at_;
    limit_ = end_;
    skip_blanks();
    if (at_ == end_) return false;
    if (*at_ == '#') at_ = find_any<'\n'>(at_, end_);
    if (at_ == end_) return false;
    if (*at_ != '\n') break;
    ++at_;
    ++number_;
  }
  limit_ = static_cast<std::size_t>(end_ - at_) > kMaxLineBytes ? at_ + kMaxLineBytes : end_;
  return true;
}

Decoder::Why Decoder::read_line(Line& line) {
  const char* const key = at_;
  while (true) {
    at_ = find_any<' ', '\\', '\n'>(at_, limit_);
    if (at_ == limit_ || *at_ != '\\') break;
    const bool escapes = at_ + 1 != limit_ && is_protected(Place::name, at_[1]);
    at_ += escapes ? 2 : 1;
  }
  line.key = {key, static_cast<std::size_t>(at_ - key)};
  if (at_ == limit_ || *at_ == '\n') return "the line has no fields";
  skip_blanks();
  if (const Why why = read_fields(); !why.empty()) return why;
  skip_blanks();
  if (at_ != limit_ && *at_ != '\n') {
    if (const Why why = read_time(line); !why.empty()) return why;
    skip_blanks();
  }
  return end_line();
}

Decoder::Why Decoder::end_line() {
  if (at_ != limit_ && *at_ != '\n') return "something follows the time";
  if (at_ == limit_ && limit_ != end_) return kTooLong;
  return {};
}

Decoder::Why Decoder::read_fields() {
  for (count_ = 0; count_ < kMaxFields; ++at_) {
    Field& field = fields_[count_];
    if (const Why why = read_field_key(field.key); !why.empty()) return why;
    if (const Why why = read_value(field.value); !why.empty()) return why;
    ++count_;
    if (at_ == limit_ || *at_ != ',') return {};
  }
  return "the line has more than 512 fields";
}

Decoder::Why Decoder::read_field_key(Text& key) {
  const char* const begin = at_;
  key.escaped = false;
  while (true) {
    at_ = find_any<'=', ',', ' ', '\\', '\n'>(at_, limit_);
    if (at_ == limit_ || *at_ != '\\') break;
    const bool escapes = at_ + 1 != limit_ && is_protected(Place::name, at_[1]);
    key.escaped = key.escaped || escapes;
    at_ += escapes ? 2 : 1;
  }
  key.raw = {begin, static_cast<std::size_t>(at_ - begin)};
  if (at_ == limit_ || *at_ != '=') return key.raw.empty() ? "a field is missing" : "a field has no \"=\"";
  if (key.raw.empty()) return "a field has no name";
  if (key.raw.size() > kMaxNameBytes) return "a name is longer than 256 bytes";
  ++at_;
  return {};
}

Decoder::Why Decoder::read_value(Value& value) {
  if (at_ == limit_) return "a field has no value";
  const char first = *at_;
  if (is_digit(first) || first == '-' || first == '.') return read_number(value);
  if (first == '"') return read_text(value);
  return read_boolean(value);
}

bool Decoder::at_end_of_value() const {
  return at_ == limit_ || *at_ == ',' || *at_ == '\n' || is_blank(*at_);
}

Decoder::Why Decoder::read_number(Value& value) {
  const char* const begin = at_;
  if (*at_ == '-') ++at_;
  const char* const first = at_;
  const Digits whole = read_digits(first, limit_, 0);
  at_ = whole.end;
  if (at_ != limit_ && (*at_ == 'i' || *at_ == 'u') && at_ != first) return read_integer(value, begin, *at_);
  Digits all = whole;
  std::size_t scale = 0;
  if (at_ != limit_ && *at_ == '.') {
    all = read_digits(at_ + 1, limit_, whole.value);
    scale = static_cast<std::size_t>(all.end - at_) - 1;
    at_ = all.end;
  }
  const std::size_t digits = static_cast<std::size_t>(whole.end - first) + scale;
  if (digits == 0) return "a number has no digits";
  const bool is_plain = at_end_of_value();
  if (!is_plain || digits > kSafeDigits || all.value > kExactInteger) return read_decimal(value, begin);
  // Both numbers are exact, so their quotient is the double that is nearest.
  const double number = static_cast<double>(all.value) / kPowersOfTen[scale];
  value = *begin == '-' ? -number : number;
  return {};
}

/// At the suffix.
Decoder::Why Decoder::read_integer(Value& value, const char* begin, char suffix) {
  const char* const end = at_++;
  if (!at_end_of_value()) return "a number is followed by something else";
  if (suffix == 'u') {
    std::uint64_t number = 0;
    if (!read_exactly(begin, end, number)) return "an unsigned integer is not within 64 bits";
    value = number;
    return {};
  }
  std::int64_t number = 0;
  if (!read_exactly(begin, end, number)) return "an integer is not within 64 bits";
  value = number;
  return {};
}

/// What the short way cannot read exactly: many digits, or an exponent.
Decoder::Why Decoder::read_decimal(Value& value, const char* begin) {
  double number = 0;
  const auto [stop, error] = std::from_chars(begin, limit_, number);
  at_ = stop;
  if (error == std::errc::result_out_of_range) return "a number is too large or too small for a double";
  if (error != std::errc() || !at_end_of_value()) return "a number is followed by something else";
  value = number;
  return {};
}

Decoder::Why Decoder::read_boolean(Value& value) {
  const char* const begin = at_;
  while (!at_end_of_value()) ++at_;
  const std::string_view word(begin, static_cast<std::size_t>(at_ - begin));
  const auto is_one_of = [word](std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
  };
  if (is_one_of({"t", "T", "true", "True", "TRUE"})) {
    value = true;
    return {};
  }
  if (is_one_of({"f", "F", "false", "False", "FALSE"})) {
    value = false;
    return {};
  }
  at_ = begin;
  if (word.empty()) return "a field has no value";
  return "a value is neither a number nor true or false; a text needs quotation marks";
}

Decoder::Why Decoder::read_text(Value& value) {
  const char* const quote = at_++;
  Text text;
  const char* const begin = at_;
  while (true) {
    at_ = find_any<'"', '\\'>(at_, limit_);
    if (at_ == limit_ || *at_ == '"') break;
    const bool escapes = at_ + 1 != limit_ && is_protected(Place::text, at_[1]);
    text.escaped = text.escaped || escapes;
    at_ += escapes ? 2 : 1;
  }
  text.raw = {begin, static_cast<std::size_t>(at_ - begin)};
  const auto inner = static_cast<std::size_t>(std::ranges::count(text.raw, '\n'));
  const bool ends = at_ != limit_;
  if (ends) ++at_;
  // A text may go on over the ends of lines. Where no field, time or line's end follows it, its quotation
  // mark rather belongs to another line than to this one.
  if (!ends || !at_end_of_value()) {
    if (ends && inner == 0) return "a text is followed by something else";
    at_ = quote;
    return "a text does not end, or the line is longer than 64 KiB";
  }
  inner_lines_ += inner;
  if (!is_valid_utf8(text.raw)) return "a text is not UTF-8";
  value = text;
  return {};
}

Decoder::Why Decoder::read_time(Line& line) {
  const char* const begin = at_;
  if (*at_ == '-') ++at_;
  const char* const first = at_;
  const Digits digits = read_digits(first, limit_, 0);
  at_ = digits.end;
  if (at_ == first || !at_end_of_value() || (at_ != limit_ && *at_ == ',')) {
    at_ = begin;
    return "the time is not an integer";
  }
  std::int64_t time = static_cast<std::int64_t>(digits.value);
  if (static_cast<std::size_t>(at_ - first) > kSafeDigits) {
    if (!read_exactly(begin, at_, time)) return "the time is not within 64 bits";
  } else if (first != begin) {
    time = -time;
  }
  line.time = time;
  return {};
}

void Decoder::skip_blanks() {
  while (at_ != limit_ && is_blank(*at_)) ++at_;
}

/// Goes on with the line behind the error.
LineResult Decoder::refuse(Why why) {
  if (at_ == limit_ && limit_ != end_) why = kTooLong;
  const LineError error{number_, static_cast<std::size_t>(at_ - line_) + 1, why};
  at_ = find_any<'\n'>(at_, end_);
  number_ += static_cast<std::size_t>(std::count(line_, at_, '\n'));
  if (at_ != end_) {
    ++at_;
    ++number_;
  }
  return std::unexpected(error);
}

}  // namespace dunlin::line_protocol
