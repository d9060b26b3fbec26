#include "base/time_pattern.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

namespace dunlin {
namespace {

using Dialect = TimePattern::Dialect;
using std::chrono::milliseconds;

struct Vector {
  std::string operation;
  std::string pattern;
  std::string zone;
  std::string input;
  std::string output;
};

std::vector<Vector> vectors() {
  std::ifstream file(DUNLIN_SOURCE_DIR "/src/base/vectors/time_pattern.txt");
  std::vector<Vector> made;
  for (std::string line; std::getline(file, line);) {
    std::array<std::string, 5> parts;
    std::string_view rest = line;
    for (std::string& part : parts) {
      const std::size_t tab = std::min(rest.find('\t'), rest.size());
      part = rest.substr(0, tab);
      rest.remove_prefix(std::min(tab + 1, rest.size()));
    }
    made.push_back({parts[0], parts[1], parts[2], parts[3], parts[4]});
  }
  return made;
}

std::string outcome(const Vector& vector) {
  const auto pattern =
      TimePattern::parse(vector.pattern, vector.operation == "joda" ? Dialect::joda : Dialect::java);
  if (!pattern) return "-";
  const auto zone = system_time_zone(vector.zone);
  if (!zone) return "no zone " + vector.zone;
  if (vector.operation != "read")
    return pattern->format(PatternTime{milliseconds{std::stoll(vector.input)}}, *zone).value_or("-");
  const auto read = pattern->read(vector.input, *zone);
  return read ? std::to_string(read->time_since_epoch().count()) : "-";
}

TEST(TimePatternTest, AgreesWithJodaTimeAndJavaTime) {
  const auto all = vectors();
  EXPECT_GT(all.size(), 1000U);
  for (const Vector& vector : all)
    EXPECT_EQ(outcome(vector), vector.output) << vector.operation << " \"" << vector.pattern << "\" "
                                              << vector.zone << " \"" << vector.input << '"';
}

TimePattern pattern(std::string_view text, Dialect dialect = Dialect::java) {
  auto made = TimePattern::parse(text, dialect);
  EXPECT_TRUE(made.has_value()) << text << ": " << made.error().message;
  return *std::move(made);
}
const TimeZone kUtc = TimeZone::fixed(std::chrono::seconds{0});

TEST(TimePatternTest, TheDocumentedExample) {
  const auto written =
      pattern("yyyy.MM.dd G 'at' HH:mm:ss z", Dialect::joda)
          .format(PatternTime{milliseconds{100'000'000}}, *system_time_zone("America/Belize"));
  EXPECT_EQ(written, "1970.01.01 AD at 21:46:40 CST");
}

TEST(TimePatternTest, RefusalsSayWhy) {
  const auto why = [](std::string_view text, Dialect dialect = Dialect::java) {
    const auto made = TimePattern::parse(text, dialect);
    return made ? std::string("taken") : made.error().message;
  };
  EXPECT_EQ(why("yyyy-bb"),
            "time pattern: bb means nothing: letters that stand for themselves belong between '...'");
  EXPECT_EQ(why("dddd"), "time pattern: dddd is too many of one letter");
  EXPECT_EQ(why("yyyy 'at"), "time pattern: a quotation has no end: 'at");
  EXPECT_EQ(why("yyyy[-MM]"), "time pattern: [ must stand between '...'");
  EXPECT_EQ(why("B"), "time pattern: the letter B is not supported");
  EXPECT_EQ(why(""), "time pattern: it is empty");
  EXPECT_EQ(why(std::string(20, 'y'), Dialect::joda),
            "time pattern: " + std::string(20, 'y') + " is too many of one letter");
  EXPECT_EQ(why(std::string(kMaxTimePatternBytes, '-')), "taken");
  EXPECT_EQ(why(std::string(kMaxTimePatternBytes + 1, '-')), "time pattern: longer than 256 bytes");
}

TEST(TimePatternTest, ATextThatIsTooLongOrHasANameOfOneLetterIsNotRead) {
  EXPECT_TRUE(pattern("yyyy-MM-dd").read("2026-01-15", kUtc));
  const std::string words(200, 'x');
  const auto long_one = pattern("yyyy-MM-dd'" + words + "'");
  EXPECT_TRUE(long_one.read("2026-01-15" + words, kUtc));
  EXPECT_FALSE(pattern("yyyy").read(std::string(kMaxPatternTextBytes + 1, '1'), kUtc));
  EXPECT_FALSE(pattern("MMMMM d yyyy").read("J 15 2026", kUtc));
}

TEST(TimePatternTest, YearsPastTheLimitAreNothing) {
  const auto years = pattern("uuuu-MM-dd");
  EXPECT_TRUE(years.read("+30000-12-31", kUtc));
  EXPECT_FALSE(years.read("+30001-01-01", kUtc));
  EXPECT_FALSE(years.read("-30001-01-01", kUtc));
  EXPECT_EQ(years.format(*years.read("+30000-12-31", kUtc), kUtc), "+30000-12-31");
  EXPECT_EQ(years.format(*years.read("-30000-01-01", kUtc), kUtc), "-30000-01-01");
  for (const std::int64_t far : {std::numeric_limits<std::int64_t>::max(),
                                 std::numeric_limits<std::int64_t>::min(), std::int64_t{1} << 50U})
    EXPECT_FALSE(years.format(PatternTime{milliseconds{far}}, kUtc));
}

TEST(TimePatternTest, TheTextsZoneBeatsTheOtherOne) {
  const auto berlin = system_time_zone("Europe/Berlin");
  EXPECT_EQ(pattern("yyyy-MM-dd HH:mm").read("2026-07-15 10:00", *berlin)->time_since_epoch(),
            milliseconds{1'784'102'400'000});
  EXPECT_EQ(pattern("yyyy-MM-dd HH:mm VV").read("2026-07-15 10:00 UTC", *berlin)->time_since_epoch(),
            milliseconds{1'784'109'600'000});
  // What java.time takes for places in other parts of the world.
  EXPECT_EQ(pattern("yyyy-MM-dd HH:mm z").read("2026-07-15 10:00 BST", *berlin)->time_since_epoch(),
            milliseconds{1'784'106'000'000});
}

}  // namespace
}  // namespace dunlin
