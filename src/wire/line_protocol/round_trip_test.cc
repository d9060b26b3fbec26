// What is written is read again, and a damaged line is refused or read, but never the ones beside it.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "wire/line_protocol/decoder.h"
#include "wire/line_protocol/encoder.h"
#include "wire/line_protocol/escape.h"
#include "wire/line_protocol/key.h"

namespace dunlin::line_protocol {
namespace {

using OwnValue = std::variant<double, std::int64_t, std::uint64_t, bool, std::string>;

/// A line with its bytes.
struct OwnLine {
  std::string measurement;
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::pair<std::string, OwnValue>> fields;
  std::optional<std::int64_t> time;
  friend bool operator==(const OwnLine&, const OwnLine&) = default;
};

std::string encoded(const OwnLine& line) {
  const std::vector<std::pair<std::string_view, std::string_view>> tags(line.tags.begin(), line.tags.end());
  std::vector<std::pair<std::string_view, PlainValue>> fields;
  for (const auto& [key, value] : line.fields) {
    fields.emplace_back(key, std::visit([](const auto& any) { return PlainValue{any}; }, value));
  }
  const PlainLine plain{line.measurement, tags, fields, line.time};
  std::string bytes(encoded_bound(plain), '\0');
  const auto length = encode(plain, bytes);
  EXPECT_TRUE(length.has_value());
  bytes.resize(length.value_or(0));
  return bytes;
}

std::string plain_text(const Text& text, Place place) {
  std::string bytes(text.raw.size(), '\0');
  return std::string(unescape(text, place, bytes));
}

OwnLine own(const Line& line) {
  OwnLine result;
  const auto key = read_key(line.key);
  EXPECT_TRUE(key.has_value());
  if (!key) return result;
  result.measurement = plain_text(key->measurement, Place::measurement);
  for (const Tag& tag : key->tags())
    result.tags.emplace_back(plain_text(tag.key, Place::name), plain_text(tag.value, Place::name));
  for (const Field& field : line.fields) {
    const auto* text = std::get_if<Text>(&field.value);
    const OwnValue value = text != nullptr
                               ? OwnValue{plain_text(*text, Place::text)}
                               : std::visit(
                                     [](const auto& any) -> OwnValue {
                                       if constexpr (std::is_same_v<std::decay_t<decltype(any)>, Text>)
                                         return false;
                                       else
                                         return any;
                                     },
                                     field.value);
    result.fields.emplace_back(plain_text(field.key, Place::name), value);
  }
  result.time = line.time;
  return result;
}

class RandomLines {
 public:
  explicit RandomLines(std::uint64_t seed) : rng_(seed) {}

  OwnLine next() {
    OwnLine line;
    line.measurement = "m" + name();
    for (std::uint64_t i = rng_.below(4); i > 0; --i)
      line.tags.emplace_back("t" + std::to_string(i) + name(), name());
    for (std::uint64_t i = 1 + rng_.below(5); i > 0; --i) line.fields.emplace_back(name(), value());
    if (rng_.below(3) != 0) line.time = static_cast<std::int64_t>(rng_.next() >> rng_.below(64));
    if (line.time && rng_.below(2) == 0) line.time = -*line.time;
    return line;
  }
  SeededRng& rng() { return rng_; }

 private:
  /// Of characters that mean something, and ends with one that does not.
  std::string letters(std::string_view alphabet) {
    std::string result;
    for (std::uint64_t i = rng_.below(12); i > 0; --i) result += alphabet[rng_.below(alphabet.size())];
    return result + "z";
  }
  std::string name() { return letters(", =\\\"#ab"); }
  OwnValue value() {
    switch (rng_.below(6)) {
      case 0:
        return static_cast<std::int64_t>(rng_.next());
      case 1:
        return rng_.next();
      case 2:
        return rng_.below(2) == 0;
      case 3:
        return letters("\",\\ =\n\r#ab") + (rng_.below(2) == 0 ? "\\" : "");
      case 4:
        return static_cast<double>(static_cast<std::int64_t>(rng_.below(2'000'000)) - 1'000'000) / 1000;
      default:
        return any_double();
    }
  }
  double any_double() {
    while (true) {
      const double number = std::bit_cast<double>(rng_.next());
      if (std::isfinite(number)) return number;
    }
  }

  SeededRng rng_;
};

TEST(LineProtocolRoundTrip, WhatIsWrittenIsRead) {
  RandomLines random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<OwnLine> lines;
    std::string bytes;
    for (int i = 0; i < 20; ++i) bytes += encoded(lines.emplace_back(random.next()));
    Decoder decoder(bytes);
    for (const OwnLine& line : lines) {
      const auto read = decoder.next();
      ASSERT_TRUE(read.has_value());
      ASSERT_TRUE(read->has_value()) << (*read).error().why << "\n" << encoded(line);
      EXPECT_EQ(own(**read), line);
    }
    EXPECT_FALSE(decoder.next().has_value());
  }
}

TEST(LineProtocolRoundTrip, DamageStaysInItsLine) {
  RandomLines random(2);
  const std::string_view noise = "=, \\x1\"#";
  for (int round = 0; round < 2000; ++round) {
    OwnLine middle = random.next();
    std::erase_if(middle.fields,
                  [](const auto& field) { return std::holds_alternative<std::string>(field.second); });
    if (middle.fields.empty()) continue;
    std::string damaged = encoded(middle);
    // A quotation mark may take in the line that follows it; every other character stays where it is.
    const char put = noise[random.rng().below(noise.size())];
    damaged[random.rng().below(damaged.size() - 1)] = put == '"' ? '1' : put;
    const std::string good = encoded({"after", {}, {{"v", 1.0}}, 5});
    const std::string bytes = good + damaged + good;
    Decoder decoder(bytes);
    std::vector<std::string> keys;
    while (const auto read = decoder.next()) {
      if (*read) keys.emplace_back((*read)->key);
    }
    ASSERT_GE(keys.size(), 2u) << bytes;
    EXPECT_EQ(keys.front(), "after");
    EXPECT_EQ(keys.back(), "after");
  }
}

TEST(LineProtocolRoundTrip, WhatTheFormatCannotHoldIsRefused) {
  std::array<char, 1024> into;
  const std::pair<std::string_view, PlainValue> field{"v", 1.0};
  const auto refused = [&](const PlainLine& line) {
    const auto length = encode(line, into);
    return length ? std::string("written") : std::string(length.error().context);
  };
  const std::span<const std::pair<std::string_view, PlainValue>> fields(&field, 1);
  EXPECT_EQ(refused({"m", {}, fields, {}}), "written");
  EXPECT_EQ(refused({"", {}, fields, {}}), "a name is empty");
  EXPECT_EQ(refused({"#m", {}, fields, {}}), "a measurement that begins with # is a comment");
  EXPECT_EQ(refused({"m\\", {}, fields, {}}), "a name ends with a backslash");
  EXPECT_EQ(refused({"m\n", {}, fields, {}}), "a name holds a control character");
  EXPECT_EQ(refused({"m", {}, {}, {}}), "a line needs a field");
  const std::pair<std::string_view, PlainValue> infinite{"v", std::numeric_limits<double>::infinity()};
  EXPECT_EQ(refused({"m", {}, std::span(&infinite, 1), {}}),
            "the line protocol has no number that is not finite");
  const std::pair<std::string_view, std::string_view> tag{"t", "x\\"};
  EXPECT_EQ(refused({"m", std::span(&tag, 1), fields, {}}), "a name ends with a backslash");
  EXPECT_EQ(encode({"m", {}, fields, {}}, std::span(into).first(8)).error().code, Errc::limit_exceeded);
}

}  // namespace
}  // namespace dunlin::line_protocol
