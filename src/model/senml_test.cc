// Packs of measurements and CBOR: the examples of RFC 8428, refusals, and what is written is read.
#include "model/senml.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/hex.h"
#include "base/rng.h"
#include "model/cbor.h"
#include "model/mapping.h"

namespace dunlin::model {
namespace {

const WallTime kNow = from_unix_milliseconds(1'700'000'000'000);

std::string show(const SenmlRecord& record) {
  const auto* real = std::get_if<double>(&record.value);
  const auto* whole = std::get_if<std::int64_t>(&record.value);
  const auto* truth = std::get_if<bool>(&record.value);
  const auto* text = std::get_if<std::string>(&record.value);
  const auto* bytes = std::get_if<Bytes>(&record.value);
  std::string value = real    ? std::to_string(*real)
                      : whole ? std::to_string(*whole)
                      : truth ? (*truth ? "true" : "false")
                      : text  ? *text
                              : "h'" + to_hex(as_bytes(bytes->value)) + "'";
  return record.name + " " + value + " " + record.unit + " @" + std::to_string(unix_nanoseconds(record.time));
}

std::vector<std::string> told(std::string_view pack) {
  const auto records = read_senml(Slice::borrowed(as_bytes(pack)), kNow);
  if (!records) return {"! " + records.error().message};
  std::vector<std::string> lines;
  for (const SenmlRecord& record : *records) lines.push_back(show(record));
  return lines;
}
using Lines = std::vector<std::string>;

constexpr std::string_view kMultiple =
    R"([{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},)"
    R"({"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","v":1.7}])";
const Lines kMultipleRead{"urn:dev:ow:10e2073a0108006:voltage 120.100000 V @1276020076001000000",
                          "urn:dev:ow:10e2073a0108006:current 1.200000 A @1276020071001000000",
                          "urn:dev:ow:10e2073a0108006:current 1.300000 A @1276020072001000000",
                          "urn:dev:ow:10e2073a0108006:current 1.700000 A @1276020076001000000"};

std::string multiple_as_cbor() {
  const auto text = from_hex(
      "84"
      "a7"
      "21781b75726e3a6465763a6f773a3130653230373361303130383030363a"
      "22fb41d303a15b001062"
      "236141"
      "2005"
      "0067766f6c74616765"
      "016156"
      "02fb405e066666666666"
      "a3006763757272656e740624"
      "02fb3ff3333333333333"
      "a3006763757272656e740623"
      "02fb3ff4cccccccccccd"
      "a2006763757272656e74"
      "02fb3ffb333333333333");
  EXPECT_TRUE(text.has_value());
  return std::string(as_text(*text));
}

TEST(Senml, ExamplesOfTheRfc) {
  EXPECT_EQ(told(R"([{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}])"),
            (Lines{"urn:dev:ow:10e2073a01080063 23.100000 Cel @1700000000000000000"}));
  EXPECT_EQ(told(kMultiple), kMultipleRead);
  EXPECT_EQ(
      told(R"([{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},)"
           R"({"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}])"),
      (Lines{"urn:dev:ow:10e2073a01080063:temp 23.100000 Cel @1700000000000000000",
             "urn:dev:ow:10e2073a01080063:label Machine Room  @1700000000000000000",
             "urn:dev:ow:10e2073a01080063:open false  @1700000000000000000",
             "urn:dev:ow:10e2073a01080063:nfc-reader h'6869200a'  @1700000000000000000"}));
  EXPECT_EQ(told(multiple_as_cbor()), kMultipleRead);
}

TEST(Senml, BaseValuesAreAddedAndSumsAloneAreLeftOut) {
  EXPECT_EQ(
      told(R"([{"bn":"a","bv":20,"bu":"Cel","v":1.5},{"n":"b","v":2},{"n":"c","vb":true},{"n":"d","s":7}])"),
      (Lines{"a 21.500000 Cel @1700000000000000000", "ab 22.000000 Cel @1700000000000000000",
             "ac true Cel @1700000000000000000"}));
  EXPECT_EQ(told(R"([{"bn":"x","bt":10},{"v":3,"t":-20.5}])"), (Lines{"x 3  @1699999989500000000"}));
}

TEST(Senml, Refusals) {
  EXPECT_EQ(told(""), (Lines{"! the payload is empty"}));
  EXPECT_EQ(told("{}"), (Lines{"! the pack is not an array"}));
  EXPECT_EQ(told("[1]"), (Lines{"! a record of the pack is not an object"}));
  EXPECT_EQ(told("[{"), (Lines{"! the pack is not JSON"}));
  EXPECT_EQ(told("[]"), (Lines{"! the pack holds no measurement"}));
  EXPECT_EQ(told(R"([{"bn":"a"}])"), (Lines{"! the pack holds no measurement"}));
  EXPECT_EQ(told(R"([{"n":"a"}])"), (Lines{"! a record of the pack has no value"}));
  EXPECT_EQ(told(R"([{"n":"a","v":1,"vs":"x"}])"), (Lines{"! a record of the pack has two values"}));
  EXPECT_EQ(told(R"([{"n":"a","v":"1"}])"), (Lines{"! a field of the pack has another type"}));
  EXPECT_EQ(told(R"([{"n":7,"v":1}])"), (Lines{"! a field of the pack has another type"}));
  EXPECT_EQ(told(R"([{"n":"a","v":1,"must_":1}])"),
            (Lines{"! the pack has a field that must be understood"}));
  EXPECT_EQ(told(R"([{"n":"a","v":1,"bver":11}])"), (Lines{"! the pack's version is above 10"}));
  EXPECT_EQ(told(R"([{"n":"a","v":1,"t":1e300}])"),
            (Lines{"! a time of the pack is not within the years 1678 to 2261"}));
  for (const std::string_view name : {"", "-a", "a b", "a\\u0000", "\xC3\xA4"}) {
    EXPECT_EQ(
        told(R"([{"n":")" + std::string(name) + R"(","v":1}])"),
        (Lines{"! a name of the pack must begin with a letter or digit and hold only these and - : . / _"}))
        << name;
  }
  std::string many = R"([{"bn":"a","v":0})";
  for (std::size_t i = 0; i < kMaxSamplesPerMessage; ++i) many += R"(,{"v":1})";
  EXPECT_EQ(told(many + "]"), (Lines{"! more than 256 values in one message"}));
  EXPECT_EQ(told(R"([{"n":"a","v":1,"unknown":[{}]}])"), (Lines{"a 1  @1700000000000000000"}));
}

TEST(Senml, ChannelsAreNamesWithoutTheDevice) {
  EXPECT_EQ(senml_channel("urn:dev:ow:10e2073a01080063:voltage", "d", "t"), "voltage");
  EXPECT_EQ(senml_channel("urn:dev:mac:0024befffe804ff1/a/b", "d", "t"), "a/b");
  EXPECT_EQ(senml_channel("urn:dev:ow:10e2073a01080063", "d", "t"), "t");
  EXPECT_EQ(senml_channel("urn:dev", "d", "t"), "t");
  EXPECT_EQ(senml_channel("press-01/heat", "press-01", "t"), "heat");
  EXPECT_EQ(senml_channel("press-01", "press-01", "t"), "t");
  EXPECT_EQ(senml_channel("press-012", "press-01", "t"), "press-012");
  EXPECT_EQ(senml_channel("heat", "press-01", "t"), "heat");
}

TEST(Senml, WhatIsWrittenIsReadExactly) {
  SeededRng rng(1);
  for (int round = 0; round < 5000; ++round) {
    SenmlRecord record;
    record.name = "d:" + std::to_string(rng.below(100));
    if (rng.below(2) == 0) record.unit = "Cel";
    record.time = from_unix_nanoseconds(
        static_cast<std::int64_t>(268'435'456'000'000'000ULL + rng.below(8'900'000'000'000'000'000ULL)));
    switch (rng.below(5)) {
      case 0:
        record.value = static_cast<std::int64_t>(rng.next());
        break;
      case 1:
        record.value = rng.below(2) == 0;
        break;
      case 2:
        record.value = std::string("a\"\\\n\xC3\xA4") + std::to_string(rng.below(9));
        break;
      case 3:
        record.value = Bytes{std::string("\x00\xFF", 2) + std::to_string(rng.below(999))};
        break;
      default: {
        double number = std::bit_cast<double>(rng.next());
        record.value = std::isfinite(number) ? number : -0.0;
      }
    }
    const auto json = senml_json(record);
    ASSERT_TRUE(json.has_value());
    const std::string pack = "[" + *json + "]";
    const auto read = read_senml(Slice::borrowed(as_bytes(pack)), kNow);
    ASSERT_TRUE(read.has_value()) << pack;
    EXPECT_EQ(read->front(), record) << pack;
  }
  SenmlRecord record{"a", "", kNow, NAN};
  EXPECT_EQ(senml_json(record).error().code, Errc::unsupported);
  record = {"a", "", WallTime{}, 1.0};
  EXPECT_EQ(senml_json(record).error().code, Errc::unsupported);
}

std::string json_of(std::string_view hex) {
  const auto bytes = from_hex(hex);
  const auto json = json_of_cbor(as_text(*bytes), nullptr);
  return json ? *json : "! " + json.error().message;
}

TEST(Cbor, SaysTheSameAsJson) {
  EXPECT_EQ(json_of("a26161016162820203"), R"({"a":1,"b":[2,3]})");
  EXPECT_EQ(json_of("bf6161f5ff"), R"({"a":true})");
  EXPECT_EQ(json_of("9f01ff"), "[1]");
  EXPECT_EQ(json_of("fb4035800000000000"), "21.5");
  EXPECT_EQ(json_of("f94d00"), "20.0");
  EXPECT_EQ(json_of("3903e7"), "-1000");
  EXPECT_EQ(json_of("1bffffffffffffffff"), "18446744073709551615");
  EXPECT_EQ(json_of("c11a514b67b0"), "1363896240");
  EXPECT_EQ(json_of("63220a5c"), R"("\"\n\\")");
  EXPECT_EQ(json_of("4401020304"), "\"AQIDBA\"");
  EXPECT_EQ(json_of("f6"), "null");
}

TEST(Cbor, Refusals) {
  EXPECT_EQ(json_of("0000"), "! something follows the CBOR");
  EXPECT_EQ(json_of(""), "! the CBOR is cut short");
  EXPECT_EQ(json_of("ff"), "! the CBOR ends something that has not begun");
  EXPECT_EQ(json_of("82ff01"), "! the CBOR ends something that has not begun");
  EXPECT_EQ(json_of("bf6161ff"), "! the CBOR ends something that has not begun");
  EXPECT_EQ(json_of("a10102"), "! a key of the CBOR is not known");
  EXPECT_EQ(json_of("f97e00"), "! a number of the CBOR is not finite");
  EXPECT_EQ(json_of("3bffffffffffffffff"), "! a number of the CBOR is not within 64 bits");
  std::string deep;
  for (std::size_t i = 0; i <= kMaxCborDepth; ++i) deep += "81";
  EXPECT_EQ(json_of(deep + "00"), "! the CBOR is nested too deeply");
}

/// Seeds of the fuzz target.
TEST(Senml, TheCorpusHoldsThePacks) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "src/model/corpus/packs";
  const std::pair<std::string_view, std::string> seeds[] = {{"json", std::string(kMultiple)},
                                                            {"cbor", multiple_as_cbor()}};
  for (const auto& [name, bytes] : seeds) {
    if (std::getenv("DUNLIN_WRITE_CORPUS") != nullptr)
      std::ofstream(folder / name, std::ios::binary) << bytes;
    std::ifstream file(folder / name, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(content == bytes) << name;
  }
}

struct Shapes : ::testing::Test {
  Result<Mapped> map(PayloadShape shape, std::string_view payload) {
    MappingRow row;
    row.pattern = "s/{device_id}/{telemetry_type}";
    row.payload = shape;
    row.unit = "Cel";
    const auto mapping = Mapping::make({row});
    hub::Message message;
    message.topic = Slice::copy_of("s/press-01/all");
    message.payload = Slice::copy_of(payload);
    message.received_at = kNow;
    return mapping->samples_of(message);
  }
};

TEST_F(Shapes, APackIsOneSampleARecord) {
  const auto mapped = map(PayloadShape::senml,
                          R"([{"bn":"press-01:","n":"heat","v":21.5},{"n":"on","u":"V","vb":true,"t":-1}])");
  ASSERT_TRUE(mapped.has_value()) << mapped.error().message;
  ASSERT_EQ(mapped->samples.size(), 2u);
  EXPECT_EQ(mapped->samples[0].device, "press-01");
  EXPECT_EQ(mapped->samples[0].channel, "heat");
  EXPECT_EQ(mapped->samples[0].unit, "Cel");
  EXPECT_EQ(mapped->samples[0].value, Value{21.5});
  EXPECT_EQ(mapped->samples[1].channel, "on");
  EXPECT_EQ(mapped->samples[1].unit, "V");
  EXPECT_EQ(mapped->samples[1].t_source, kNow - std::chrono::seconds{1});
}

TEST_F(Shapes, CborIsReadAsTheSameJson) {
  // {"value": 21.5, "t": 1000}
  const auto bytes = from_hex("a26576616c7565fb403580000000000061741903e8");
  const auto mapped = map(PayloadShape::cbor, as_text(*bytes));
  ASSERT_TRUE(mapped.has_value()) << mapped.error().message;
  EXPECT_EQ(mapped->samples[0].channel, "all");
  EXPECT_EQ(mapped->samples[0].value, Value{21.5});
  EXPECT_EQ(mapped->samples[0].t_source, from_unix_milliseconds(1000));
  EXPECT_EQ(map(PayloadShape::cbor, "").error().message, "the payload is empty");
  EXPECT_EQ(payload_shape("xml").error().message, "payload must be json, cbor, senml or binary");
  EXPECT_EQ(payload_shape("senml").value(), PayloadShape::senml);
}

}  // namespace
}  // namespace dunlin::model
