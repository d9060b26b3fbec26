// What each form of a line means, and what each refusal says.
#include "wire/line_protocol/decoder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "wire/line_protocol/escape.h"
#include "wire/line_protocol/key.h"

namespace dunlin::line_protocol {
namespace {

std::string plain(const Text& text, Place place) {
  std::string bytes(text.raw.size(), '\0');
  return std::string(unescape(text, place, bytes));
}

std::string show(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return "double " + std::to_string(*number);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return "int " + std::to_string(*number);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return "uint " + std::to_string(*number);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  return "text " + plain(std::get<Text>(value), Place::text);
}

/// Every line in words: number, names, values, time; or "line:column why".
std::vector<std::string> told(std::string_view input) {
  std::vector<std::string> lines;
  Decoder decoder(input);
  while (const auto line = decoder.next()) {
    if (!*line) {
      const LineError& error = line->error();
      lines.push_back(std::to_string(error.line) + ":" + std::to_string(error.column) + " " +
                      std::string(error.why));
      continue;
    }
    const auto key = read_key((*line)->key);
    if (!key) {
      const LineError error = error_at(**line, key.error().place, key.error().why);
      lines.push_back(std::to_string(error.line) + ":" + std::to_string(error.column) + " " +
                      std::string(error.why));
      continue;
    }
    std::string text = std::to_string((*line)->number) + " " + plain(key->measurement, Place::measurement);
    for (const Tag& tag : key->tags())
      text += "," + plain(tag.key, Place::name) + "=" + plain(tag.value, Place::name);
    for (const Field& field : (*line)->fields)
      text += " [" + plain(field.key, Place::name) + "=" + show(field.value) + "]";
    if ((*line)->time) text += " @" + std::to_string(*(*line)->time);
    lines.push_back(std::move(text));
  }
  return lines;
}

struct Golden {
  std::string_view name;
  std::string_view input;
  std::vector<std::string> lines;
};

std::vector<Golden> golden_forms() {
  return {
      {"everything",
       "weather,device=w1,site=roof temp=21.5,n=3i,u=4u,ok=t,say=\"hi\" 1465839830100400200",
       {"1 weather,device=w1,site=roof [temp=double 21.500000] [n=int 3] [u=uint 4] [ok=true] [say=text hi] "
        "@1465839830100400200"}},
      {"no_tags_no_time", "m v=1", {"1 m [v=double 1.000000]"}},
      {"blank_lines_and_comments",
       "\n  \n# note\n\t# a=1\nm v=1\n\nm v=2\n#",
       {"5 m [v=double 1.000000]", "7 m [v=double 2.000000]"}},
      {"carriage_returns", "m v=1 5\r\n\r\nm v=2i\r\n", {"1 m [v=double 1.000000] @5", "3 m [v=int 2]"}},
      {"blanks_between_the_parts", "  m,a=b   v=1   7  \n", {"1 m,a=b [v=double 1.000000] @7"}},
      {"escapes_of_names",
       "a\\ b\\,c=d,k\\=1\\ 2=v\\,\\=w x\\ y\\=z\\,=1",
       {"1 a b,c=d,k=1 2=v,=w [x y=z,=double 1.000000]"}},
      {"a_backslash_alone_is_itself", "a\\b,t\\x=\\y f\\g=1", {"1 a\\b,t\\x=\\y [f\\g=double 1.000000]"}},
      {"an_equals_sign_of_a_measurement_keeps_its_backslash", "a\\=b v=1", {"1 a\\=b [v=double 1.000000]"}},
      {"escapes_of_texts", "m v=\"say \\\"x\\\" C:\\\\d \\n, = \"", {"1 m [v=text say \"x\" C:\\d \\n, = ]"}},
      {"an_empty_text", "m v=\"\"", {"1 m [v=text ]"}},
      {"a_text_over_lines", "m v=\"a\nb\" 5\nm v=1", {"1 m [v=text a\nb] @5", "3 m [v=double 1.000000]"}},
      {"true_and_false",
       "m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE",
       {"1 m [a=true] [b=true] [c=true] [d=true] [e=true] [f=false] [g=false] [h=false] [i=false] "
        "[j=false]"}},
      {"numbers",
       "m a=-1.25,b=1e3,c=.5,d=5.,e=-0,f=1.5E-2",
       {"1 m [a=double -1.250000] [b=double 1000.000000] [c=double 0.500000] [d=double 5.000000] [e=double "
        "-0.000000] [f=double 0.015000]"}},
      {"integers_to_their_ends",
       "m a=-9223372036854775808i,b=9223372036854775807i,c=18446744073709551615u",
       {"1 m [a=int -9223372036854775808] [b=int 9223372036854775807] [c=uint 18446744073709551615]"}},
      {"times_to_their_ends",
       "m v=1 -9223372036854775808\nm v=1 9223372036854775807\nm v=1 0",
       {"1 m [v=double 1.000000] @-9223372036854775808", "2 m [v=double 1.000000] @9223372036854775807",
        "3 m [v=double 1.000000] @0"}},
      {"an_empty_tag_is_none", "m,device=,site=x v=1", {"1 m,site=x [v=double 1.000000]"}},
      {"utf8", "m\xC3\xBC,a=\xE2\x82\xAC v=\"\xC3\xA4\"", {"1 m\xC3\xBC,a=\xE2\x82\xAC [v=text \xC3\xA4]"}},
  };
}

std::vector<Golden> golden_refusals() {
  return {
      {"one_bad_line_does_not_spoil_the_others",
       "m v=1\nm v=\nm v=3",
       {"1 m [v=double 1.000000]", "2:5 a field has no value", "3 m [v=double 3.000000]"}},
      {"no_fields", "m,a=b", {"1:6 the line has no fields"}},
      {"blanks_but_no_fields", "m,a=b  \nm v=1", {"1:8 a field is missing", "2 m [v=double 1.000000]"}},
      {"no_equals_sign", "m v 5", {"1:4 a field has no \"=\""}},
      {"no_field_name", "m =5", {"1:3 a field has no name"}},
      {"a_comma_at_the_end", "m v=1, 5", {"1:7 a field is missing"}},
      {"no_measurement", ",a=b v=1", {"1:1 the measurement has no name"}},
      {"a_tag_without_name", "m,=b v=1", {"1:3 a tag has no name"}},
      {"a_tag_without_equals_sign", "m,a v=1", {"1:3 a tag has no \"=\""}},
      {"two_equals_signs",
       "m,a=b=c v=1",
       {"1:5 an equals sign in a tag's value needs a backslash before it"}},
      {"a_tag_twice", "m,a=b,c=d,a=e v=1", {"1:11 a tag is there twice"}},
      {"a_comma_behind_the_tags", "m,a=b, v=1", {"1:7 a tag has no name"}},
      {"a_word",
       "m v=yes 5",
       {"1:5 a value is neither a number nor true or false; a text needs quotation marks"}},
      {"not_a_number",
       "m v=NaN\nm v=-inf\nm v=+1",
       {"1:5 a value is neither a number nor true or false; a text needs quotation marks",
        "2:6 a number has no digits",
        "3:5 a value is neither a number nor true or false; a text needs quotation marks"}},
      {"two_points", "m v=1.2.3", {"1:8 a number is followed by something else"}},
      {"a_letter_behind_a_number",
       "m v=12x\nm v=1ii\nm v=1e",
       {"1:7 a number is followed by something else", "2:7 a number is followed by something else",
        "3:6 a number is followed by something else"}},
      {"a_fraction_of_an_integer", "m v=1.5i", {"1:8 a number is followed by something else"}},
      {"too_large",
       "m v=1e999\nm v=9223372036854775808i\nm v=-1u\nm v=18446744073709551616u",
       {"1:10 a number is too large or too small for a double", "2:25 an integer is not within 64 bits",
        "3:8 an unsigned integer is not within 64 bits", "4:26 an unsigned integer is not within 64 bits"}},
      {"a_text_without_end",
       "m v=\"abc\nm v=2",
       {"1:5 a text does not end, or the line is longer than 64 KiB", "2 m [v=double 2.000000]"}},
      {"a_quotation_mark_of_the_next_line_does_not_end_a_text",
       "m v=\"abc\nm v=\"x\"\nm v=3",
       {"1:5 a text does not end, or the line is longer than 64 KiB", "2 m [v=text x]",
        "3 m [v=double 3.000000]"}},
      {"lines_of_a_text_are_never_taken_for_lines",
       "m v=\"a\nm v=9\nb\" x\nm v=3",
       {"1:17 the time is not an integer", "4 m [v=double 3.000000]"}},
      {"behind_a_text", "m v=\"a\"b", {"1:8 a text is followed by something else"}},
      {"a_bad_time",
       "m v=1 x\nm v=1 5.5\nm v=1 -\nm v=1 9223372036854775808",
       {"1:7 the time is not an integer", "2:7 the time is not an integer", "3:7 the time is not an integer",
        "4:26 the time is not within 64 bits"}},
      {"behind_the_time", "m v=1 5 6", {"1:9 something follows the time"}},
      {"control_characters", std::string_view("m\0 v=1", 6), {"1:1 a name holds a control character"}},
      {"not_utf8", "m,a=\xFF v=1\nm v=\"\xC3\"", {"1:5 a name is not UTF-8", "2:8 a text is not UTF-8"}},
  };
}

TEST(LineProtocol, EveryForm) {
  for (const Golden& one : golden_forms()) EXPECT_EQ(told(one.input), one.lines) << one.name;
}

TEST(LineProtocol, EveryRefusal) {
  for (const Golden& one : golden_refusals()) EXPECT_EQ(told(one.input), one.lines) << one.name;
}

TEST(LineProtocol, NumbersAreTheNearestDouble) {
  for (const std::string text :
       {"0.1", "-0.3", "123456.789", "9007199254740993", "0.30000000000000004",
        "179769313486231570814527423731704356798070e267", "2.2250738585072011e-308",
        "100000000000000000000000", "1.7976931348623157e308", "0.000001", "12345678901234567.8", "5e-324"}) {
    const std::string line = "m v=" + text;
    Decoder decoder(line);
    const auto read = decoder.next();
    ASSERT_TRUE(read && *read) << text;
    EXPECT_EQ(std::get<double>((*read)->fields[0].value), std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(LineProtocol, Limits) {
  const auto name = [](std::size_t length) { return std::string(length, 'n'); };
  EXPECT_EQ(told(name(256) + " " + name(256) + "=1").size(), 1u);
  EXPECT_EQ(told(name(257) + " v=1"), std::vector<std::string>{"1:1 a name is longer than 256 bytes"});
  EXPECT_EQ(told("m,a=" + name(257) + " v=1"),
            std::vector<std::string>{"1:5 a name is longer than 256 bytes"});
  EXPECT_EQ(told("m " + name(257) + "=1"), std::vector<std::string>{"1:260 a name is longer than 256 bytes"});

  const auto repeated = [](std::size_t count, const auto& one) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += (i == 0 ? "" : ",") + one(i);
    return all;
  };
  const auto tag = [](std::size_t i) { return "t" + std::to_string(i) + "=x"; };
  EXPECT_TRUE(told("m," + repeated(kMaxTags, tag) + " v=1")[0].starts_with("1 m"));
  EXPECT_TRUE(told("m," + repeated(kMaxTags + 1, tag) + " v=1")[0].ends_with("more than 64 tags"));
  const auto field = [](std::size_t i) { return "f" + std::to_string(i) + "=1"; };
  EXPECT_TRUE(told("m " + repeated(kMaxFields, field))[0].starts_with("1 m"));
  EXPECT_TRUE(told("m " + repeated(kMaxFields + 1, field))[0].ends_with("more than 512 fields"));
}

TEST(LineProtocol, ALineThatIsTooLongIsSkipped) {
  const auto text_line = [](std::size_t length) { return "m v=\"" + std::string(length - 6, 'x') + "\""; };
  EXPECT_EQ(told(text_line(kMaxLineBytes) + "\nm v=2")[1], "2 m [v=double 2.000000]");
  const auto lines = told(text_line(kMaxLineBytes + 1) + "\nm v=2");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "1:5 a text does not end, or the line is longer than 64 KiB");
  EXPECT_EQ(lines[1], "2 m [v=double 2.000000]");
  const auto key = told("m,a=" + std::string(kMaxLineBytes, 'k') + " v=1\nm v=2");
  ASSERT_EQ(key.size(), 2u);
  EXPECT_EQ(key[0], "1:65537 the line is longer than 64 KiB");
  const auto blanks = told("m v=1" + std::string(kMaxLineBytes, ' ') + "\nm v=2");
  ASSERT_EQ(blanks.size(), 2u);
  EXPECT_EQ(blanks[0], "1:65537 the line is longer than 64 KiB");
}

/// The seeds of the fuzz target are the examples of this file.
TEST(LineProtocol, TheCorpusHoldsEveryExample) {
  namespace fs = std::filesystem;
  std::vector<Golden> all = golden_forms();
  std::ranges::move(golden_refusals(), std::back_inserter(all));
  if (const char* target = std::getenv("DUNLIN_WRITE_CORPUS")) {
    for (const Golden& one : all) {
      std::ofstream(fs::path(target) / one.name, std::ios::binary)
          .write(one.input.data(), static_cast<std::streamsize>(one.input.size()));
    }
  }
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "src/wire/line_protocol/corpus";
  for (const Golden& one : all) {
    std::ifstream file(folder / one.name, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(content, one.input) << one.name;
  }
}

}  // namespace
}  // namespace dunlin::line_protocol
