#include "service/analytics/csv.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/time_text.h"
#include "service/analytics/csv_analysis.h"
#include "service/analytics/limits.h"

namespace dunlin::analytics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string when(std::string_view text) {
  const auto time = parse_timestamp(text);
  return time ? format_rfc3339(*time) : std::string(errc_name(time.error().code));
}

TEST(TimestampTest, ReadsWhatFilesHave) {
  EXPECT_EQ(when("2014-04-01 00:05:07"), "2014-04-01T00:05:07.000Z");
  EXPECT_EQ(when("2014-04-01 00:05:07.250000"), "2014-04-01T00:05:07.250Z");
  EXPECT_EQ(when("2014-04-01 00:05:07+02:00"), "2014-03-31T22:05:07.000Z");
  EXPECT_EQ(when("2014-04-01T00:05:07Z"), "2014-04-01T00:05:07.000Z");
  EXPECT_EQ(when("2014-04-01T00:05:07-01:30"), "2014-04-01T01:35:07.000Z");
  EXPECT_EQ(when("2014-04-01T00:05:07"), "2014-04-01T00:05:07.000Z");
  EXPECT_EQ(when("1396310707"), "2014-04-01T00:05:07.000Z");
  EXPECT_EQ(when("1396310707.5"), "2014-04-01T00:05:07.500Z");
  EXPECT_EQ(when("1396310707125"), "2014-04-01T00:05:07.125Z");
  EXPECT_EQ(when("1396310707125000"), "2014-04-01T00:05:07.125Z");
  EXPECT_EQ(when("1396310707125000000"), "2014-04-01T00:05:07.125Z");
  EXPECT_EQ(when("-1"), "1969-12-31T23:59:59.000Z");
  EXPECT_EQ(parse_timestamp("1396310707125000001")->time_since_epoch().count(), 1396310707125000001)
      << "whole numbers lose no digit";
}

TEST(TimestampTest, RefusesWhatIsNone) {
  for (const auto* text : {"", "x", "2014-13-01 00:00:00", "2014-04-01", "2014-04-01 25:00:00", "00:05:07",
                           "2014-04-01 00:05:07 Z", "1.4e5x", "--1"})
    EXPECT_EQ(when(text), "malformed") << text;
  for (const auto* text : {"9300000000000000000", "1e300", "inf", "nan", "0001-01-01T00:00:00Z"})
    EXPECT_EQ(when(text), "invalid_argument") << text;
  EXPECT_EQ(when(std::string(5000, '1')), "invalid_argument");
}

TEST(ValueTest, ReadsNumbersAndTheirAbsence) {
  EXPECT_EQ(*parse_value("1.25"), 1.25);
  EXPECT_EQ(*parse_value("+3"), 3);
  EXPECT_EQ(*parse_value("-2.5e-3"), -0.0025);
  for (const auto* none : {"", "NaN", "null", "NA", "1e999"}) EXPECT_TRUE(std::isnan(*parse_value(none)));
  for (const auto* wrong : {"1,5", "0x10", "one", "1 2", "+-1", "++1"})
    EXPECT_EQ(parse_value(wrong).error().code, Errc::malformed) << wrong;
}

TEST(CsvReaderTest, FindsTheColumns) {
  const auto second = [](std::string_view header, std::string_view line) {
    CsvReader reader;
    EXPECT_FALSE(*reader.read(header)) << "a header is no row";
    const auto row = reader.read(line);
    return row && *row ? (*row)->number : -1;
  };
  EXPECT_EQ(second("timestamp,value", "2014-04-01 00:00:00,7"), 7);
  EXPECT_EQ(second("\xef\xbb\xbfTimestamp,Value", "2014-04-01 00:00:00,7"), 7);
  EXPECT_EQ(second("device,time,temperature", "a,2014-04-01 00:00:00,7"), 7);
  EXPECT_EQ(second("value,ts", "7,2014-04-01 00:00:00"), 7);
  EXPECT_EQ(second("temperature,time", "7,2014-04-01 00:00:00"), 7);
  EXPECT_EQ(second("time,quality,value", "2014-04-01 00:00:00,good,7"), 7);
  EXPECT_EQ(second("when,what", "\"2014-04-01 00:00:00\", \"7\" \r"), 7);
}

TEST(CsvReaderTest, NeedsNoHeader) {
  CsvReader reader;
  const auto row = reader.read("1396310707,7,ignored");
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->number, 7);
  EXPECT_EQ((*row)->timestamp, "1396310707");
}

TEST(CsvReaderTest, NamesTheLine) {
  CsvReader reader;
  EXPECT_FALSE(*reader.read("timestamp,value"));
  EXPECT_FALSE(*reader.read("  \r"));
  EXPECT_EQ(reader.read("2014-04-01 00:00:00,seven").error().message, "line 3: the value is not a number");
  EXPECT_THAT(reader.read("2014-04-31 00:00:00,7").error().message, StartsWith("line 4: not a time"));
  EXPECT_THAT(reader.read("2014-04-01 00:00:00").error().message, StartsWith("line 5: a time and a value"));
  EXPECT_EQ(reader.read(std::string(kMaxLineBytes + 1, ',')).error().code, Errc::limit_exceeded);
  CsvReader first;
  EXPECT_THAT(first.read("2014-04-31 00:00:00,7").error().message, StartsWith("line 1: not a time"))
      << "a first line with a number is no header";
}

TEST(CsvAnalysisTest, SaysTheSameHoweverTheBytesAreCut) {
  std::string file = "timestamp,value\n";
  for (int i = 0; i < 300; ++i)
    file += std::to_string(1396310400 + 300 * i) + ',' + std::to_string(i % 12) + '\n';
  file.pop_back();  // the last line has no end
  CsvAnalysis whole;
  ASSERT_TRUE(whole.feed(file));
  ASSERT_TRUE(whole.finish());
  const std::string expected = whole.take_output();
  EXPECT_THAT(expected, StartsWith("timestamp,value,anomaly_score,expected_low,expected_high\n"
                                   "1396310400,0,0,,\n1396310700,1,0,0,0\n1396311000,2,0,0,1\n"));
  EXPECT_EQ(std::ranges::count(expected, '\n'), 301);
  for (const std::size_t size : {1UL, 7UL, 100UL}) {
    CsvAnalysis cut;
    for (std::size_t at = 0; at < file.size(); at += size) ASSERT_TRUE(cut.feed(file.substr(at, size)));
    ASSERT_TRUE(cut.finish());
    EXPECT_EQ(cut.take_output(), expected);
  }
}

TEST(CsvAnalysisTest, KeepsWhatWasRightBeforeAnError) {
  CsvAnalysis analysis;
  const auto fed = analysis.feed("1396310400,1\n1396310401,\n1396310402,x\n1396310403,2\n");
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, StartsWith("line 3"));
  EXPECT_THAT(analysis.take_output(), HasSubstr("1396310401,,0,1,1\n"));
}

TEST(CsvAnalysisTest, RefusesLinesWithoutEndAndFilesWithoutRows) {
  CsvAnalysis endless;
  Result<void> fed;
  for (int i = 0; i < 100 && fed; ++i) fed = endless.feed(std::string(100, '1'));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::limit_exceeded);
  CsvAnalysis empty;
  ASSERT_TRUE(empty.feed("timestamp,value\n"));
  EXPECT_EQ(empty.finish().error().message, "there is no row of time and value");
}

}  // namespace
}  // namespace dunlin::analytics
