// The examples of RFC 8949 appendix A, and what is refused.
#include "wire/cbor/reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace dunlin::cbor {
namespace {

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

std::string show(const Item& item) {
  switch (item.kind) {
    case Kind::unsigned_integer:
      return std::to_string(item.argument);
    case Kind::negative_integer:
      return "-1-" + std::to_string(item.argument);
    case Kind::bytes:
      return "h'" + std::to_string(item.content.size()) + "'";
    case Kind::text:
      return '"' + std::string(item.content) + '"';
    case Kind::array:
      return item.length == Item::Length::known ? "[" + std::to_string(item.argument) : "[_";
    case Kind::map:
      return item.length == Item::Length::known ? "{" + std::to_string(item.argument) : "{_";
    case Kind::tag:
      return std::to_string(item.argument) + "(";
    case Kind::boolean:
      return item.truth ? "true" : "false";
    case Kind::null:
      return "null";
    case Kind::undefined:
      return "undefined";
    case Kind::number:
      return std::isnan(item.number) ? "NaN" : std::to_string(item.number);
    case Kind::stop:
      return "stop";
  }
  return "";
}

/// All items, or the error at the end.
std::string told(std::string_view hex) {
  const std::string bytes = bytes_of(hex);
  Reader reader(as_bytes(bytes));
  std::string text;
  while (!reader.at_end()) {
    const auto item = reader.next();
    if (!item) return text + "! " + std::string(item.error().context);
    text += show(*item) + " ";
  }
  return text;
}

struct Golden {
  std::string_view hex;
  std::string_view items;
};
constexpr Golden kExamples[] = {
    {"00", "0 "},
    {"17", "23 "},
    {"1818", "24 "},
    {"1903e8", "1000 "},
    {"1a000f4240", "1000000 "},
    {"1bffffffffffffffff", "18446744073709551615 "},
    {"20", "-1-0 "},
    {"3903e7", "-1-999 "},
    {"3bffffffffffffffff", "-1-18446744073709551615 "},
    {"f90000", "0.000000 "},
    {"f93c00", "1.000000 "},
    {"f97bff", "65504.000000 "},
    {"f90400", "0.000061 "},
    {"f9c400", "-4.000000 "},
    {"f97c00", "inf "},
    {"f9fc00", "-inf "},
    {"f97e00", "NaN "},
    {"fa47c35000", "100000.000000 "},
    {"fb3ff199999999999a", "1.100000 "},
    {"fbc010666666666666", "-4.100000 "},
    {"f4f5f6f7", "false true null undefined "},
    {"c11a514b67b0", "1( 1363896240 "},
    {"4401020304", "h'4' "},
    {"6449455446", "\"IETF\" "},
    {"62c3bc", "\"\xC3\xBC\" "},
    {"80", "[0 "},
    {"83010203", "[3 1 2 3 "},
    {"a201020304", "{2 1 2 3 4 "},
    {"9f0102ff", "[_ 1 2 stop "},
    {"bf6346756ef563416d7421ff", "{_ \"Fun\" true \"Amt\" -1-1 stop "},
};
constexpr Golden kRefusals[] = {
    {"18", "! the CBOR is cut short"},
    {"1b00000000000000", "! the CBOR is cut short"},
    {"1c", "! the CBOR has a reserved length"},
    {"44010203", "! the CBOR is cut short"},
    {"9bffffffffffffffff00", "! the CBOR is cut short"},
    {"a2010203", "! the CBOR is cut short"},
    {"61ff", "! a text of the CBOR is not UTF-8"},
    {"5f4101ff", "! CBOR texts and bytes in pieces are not supported"},
    {"7f6161ff", "! CBOR texts and bytes in pieces are not supported"},
    {"f0", "! the CBOR has a simple value that means nothing here"},
    {"f8ff", "! the CBOR has a simple value that means nothing here"},
    {"fc", "! the CBOR has a simple value that means nothing here"},
};

TEST(CborReader, ExamplesOfTheRfc) {
  for (const Golden& one : kExamples) EXPECT_EQ(told(one.hex), one.items) << one.hex;
}
TEST(CborReader, Refusals) {
  for (const Golden& one : kRefusals) EXPECT_EQ(told(one.hex), one.items) << one.hex;
}

/// The seeds of the fuzz target are the examples of this file.
TEST(CborReader, TheCorpusHoldsEveryExample) {
  namespace fs = std::filesystem;
  std::vector<std::string_view> all;
  for (const Golden& one : kExamples) all.push_back(one.hex);
  for (const Golden& one : kRefusals) all.push_back(one.hex);
  const char* target = std::getenv("DUNLIN_WRITE_CORPUS");
  for (const std::string_view hex : all) {
    const std::string bytes = bytes_of(hex);
    if (target != nullptr) std::ofstream(fs::path(target) / hex, std::ios::binary) << bytes;
    std::ifstream file(fs::path(DUNLIN_SOURCE_DIR) / "src/wire/cbor/corpus" / hex, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(content, bytes) << hex;
  }
}

}  // namespace
}  // namespace dunlin::cbor
