// Samples in files: every kind of value there and back in each format, in pieces of any size, and what is
// refused by its line.
#include "service/series/sample_file.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/rng.h"

namespace dunlin::series {
namespace {

constexpr FileFormat kFormats[] = {FileFormat::csv, FileFormat::lines, FileFormat::senml};
const WallTime kNow = from_unix_milliseconds(1'700'000'000'000);

struct Told {
  std::vector<FileSample> samples;
  std::vector<std::string> problems;
};

/// Reads the text as a file that comes in pieces of so many bytes.
Told read(FileFormat format, std::string_view text, std::size_t piece = 64 * 1024) {
  const auto reader = make_reader(format, {kNow, 1});
  Told told;
  std::string rest;
  for (std::size_t at = 0; at <= text.size(); at += piece) {
    rest += text.substr(at, piece);
    const bool is_last = at + piece > text.size();
    rest.erase(0, reader->take(rest, is_last ? SampleReader::Piece::last : SampleReader::Piece::more_follow));
    for (FileSample& each : reader->take_samples()) told.samples.push_back(std::move(each));
    for (const FileProblem& problem : reader->take_problems())
      told.problems.push_back(std::to_string(problem.line) + ": " + problem.why);
  }
  EXPECT_TRUE(rest.empty());
  return told;
}

model::Sample sample(std::string device, std::string channel, model::Value value, std::int64_t time) {
  model::Sample made;
  made.device = std::move(device);
  made.channel = std::move(channel);
  made.value = std::move(value);
  made.t_source = from_unix_nanoseconds(time);
  return made;
}

std::string written(FileFormat format, const std::vector<model::Sample>& samples) {
  const auto writer = make_writer(format);
  std::string text = writer->begin();
  for (const model::Sample& each : samples) {
    const auto line = writer->write(each);
    EXPECT_TRUE(line.has_value()) << line.error().message;
    if (line) text += *line;
  }
  return text + writer->end();
}

std::vector<model::Sample> random_samples(Rng& rng) {
  std::vector<model::Sample> samples;
  for (std::uint64_t i = 1 + rng.below(30); i > 0; --i) {
    model::Value value;
    const std::uint64_t kind = rng.below(4);
    if (kind == 0) value = static_cast<std::int64_t>(rng.next());
    if (kind == 1) value = rng.below(2) == 0;
    if (kind == 2)
      value =
          std::string("a,\"b\"\n\\x ") + std::to_string(rng.below(1000)) + (rng.below(2) == 0 ? "\r" : "");
    if (kind == 3) {
      const double number = std::bit_cast<double>(rng.next());
      value = std::isfinite(number) ? number : -0.0;
    }
    const char* const channels[] = {"heat", "a/b/c", "m/x"};
    samples.push_back(
        sample("d-" + std::to_string(rng.below(5)), channels[rng.below(3)], std::move(value),
               static_cast<std::int64_t>(300'000'000'000'000'000 + rng.below(8'000'000'000'000'000'000))));
  }
  return samples;
}

TEST(SampleFile, EveryValueComesBackFromEveryFormatInPiecesOfAnySize) {
  SeededRng rng(1);
  for (int round = 0; round < 300; ++round) {
    const auto samples = random_samples(rng);
    for (const FileFormat format : kFormats) {
      const std::string text = written(format, samples);
      const Told told = read(format, text, 1 + rng.below(200));
      ASSERT_TRUE(told.problems.empty()) << told.problems.front() << "\n" << text;
      ASSERT_EQ(told.samples.size(), samples.size()) << text;
      for (std::size_t i = 0; i < samples.size(); ++i) {
        const model::Sample& back = told.samples[i].sample;
        EXPECT_EQ(back.device, samples[i].device);
        EXPECT_EQ(back.channel, samples[i].channel);
        EXPECT_EQ(back.t_source, samples[i].t_source);
        EXPECT_EQ(back.value, samples[i].value) << text;
      }
    }
  }
}

TEST(SampleFile, CsvKeepsUnitQualityAndFlagsToo) {
  model::Sample one = sample("a,b", "c", 21.5, 1'500'000'000);
  one.unit = "Cel";
  one.quality = model::Quality::uncertain;
  one.flags = model::kHistorical;
  const std::string text = written(FileFormat::csv, {one});
  EXPECT_EQ(text,
            "device,channel,time,type,value,unit,quality,flags\n"
            "\"a,b\",c,1970-01-01T00:00:01.5Z,number,21.5,Cel,uncertain,1\n");
  const Told told = read(FileFormat::csv, text);
  ASSERT_EQ(told.samples.size(), 1u);
  EXPECT_EQ(told.samples[0].sample.device, "a,b");
  EXPECT_EQ(told.samples[0].sample.unit, "Cel");
  EXPECT_EQ(told.samples[0].sample.quality, model::Quality::uncertain);
  EXPECT_EQ(told.samples[0].sample.flags, model::kHistorical);
}

TEST(SampleFile, CsvOfOthersIsReadByItsHeading) {
  const Told told = read(FileFormat::csv, "value,device,channel\r\n21.5,d,c\r\n\r\ntrue,d,c\r\nhot,d,c");
  EXPECT_TRUE(told.problems.empty());
  ASSERT_EQ(told.samples.size(), 3u);
  EXPECT_EQ(told.samples[0].sample.value, model::Value{21.5});
  EXPECT_EQ(told.samples[1].sample.value, model::Value{true});
  EXPECT_EQ(told.samples[2].sample.value, model::Value{std::string("hot")});
  EXPECT_EQ(told.samples[2].line, 5u);
  EXPECT_EQ(told.samples[2].sample.t_source, kNow);
}

TEST(SampleFile, WhatIsWrongInCsvIsToldByItsLine) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(read(FileFormat::csv, "device,channel,when\n").problems,
            (Lines{"1: the heading has a column that is not known: \"when\""}));
  EXPECT_EQ(read(FileFormat::csv, "device,value\n").problems,
            (Lines{"1: the heading has no column \"channel\""}));
  const Told told = read(FileFormat::csv,
                         "device,channel,time,type,value,quality,flags\n"
                         ",c,,,1\n"
                         "d,c,then,,1\n"
                         "d,c,,integer,1.5\n"
                         "d,c,,number,inf\n"
                         "d,c,,boolean,yes\n"
                         "d,c,,thing,1\n"
                         "d,c,,,1,fine\n"
                         "d,c,,,1,good,16\n"
                         "d,c,,,1\n"
                         "d,c,,,\"1\n");
  EXPECT_EQ(told.problems, (Lines{"2: device and channel must have 1 to 256 bytes",
                                  "3: not an RFC 3339 time such as 2026-11-23T02:03:04.123Z",
                                  "4: the value is no integer of 64 bits", "5: the value is no number",
                                  "6: the value is neither true nor false",
                                  "7: the type is none of number, integer, boolean and text",
                                  "8: the quality is none of good, uncertain and bad",
                                  "9: the flags must be a sum of 1, 2 and 8",
                                  "11: a quotation mark is not closed, or the row is too long"}));
  EXPECT_EQ(told.samples.size(), 1u);
}

TEST(SampleFile, WhatIsWrongInLinesAndPacksIsToldByItsLine) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(
      read(FileFormat::lines, "m,device=d v=1 5\nm v=1\nm,device=d v=\"a\nb\" 6\nm,device=d v=x", 7).problems,
      (Lines{"2: column 1: no tag names the device",
             "5: column 14: a value is neither a number nor true or false; a text needs quotation marks"}));
  EXPECT_EQ(read(FileFormat::senml, "[\n{\"n\":\"d/c\",\"v\":1},\n{\"n\":\"d\",\"v\":1},\n{\"v\":}\n]\n", 5)
                .problems,
            (Lines{"3: the name must be DEVICE/CHANNEL", "4: the pack is not JSON"}));
  const Told pack = read(FileFormat::senml, R"([{"bn":"d/","n":"a","v":1},{"n":"b","v":2}])");
  ASSERT_EQ(pack.samples.size(), 2u);
  EXPECT_EQ(pack.samples[1].sample.channel, "b");
}

TEST(SampleFile, WhatAFormatCannotHoldIsRefused) {
  const auto why = [](FileFormat format, const model::Sample& one) {
    const auto line = make_writer(format)->write(one);
    return line ? std::string("written") : line.error().message;
  };
  EXPECT_EQ(why(FileFormat::lines, sample("d", "telemetry/x", 1.0, 0)),
            "a channel below telemetry/ would come back without that");
  EXPECT_EQ(why(FileFormat::lines, sample("d", "a/", 1.0, 0)), "a name is empty");
  EXPECT_EQ(why(FileFormat::senml, sample("d", "c d", 1.0, 1'700'000'000'000'000'000)),
            "a name of the pack must begin with a letter or digit and hold only these and - : . / _");
  EXPECT_EQ(why(FileFormat::senml, sample("d/e", "c", 1.0, 1'700'000'000'000'000'000)),
            "a device's name with a slash ends at it in SenML");
  EXPECT_EQ(why(FileFormat::senml, sample("d", "c", 1.0, 0)), "SenML has no times before July 1978");
}

TEST(SampleFile, FormatsAreKnownByNameAndFile) {
  EXPECT_EQ(file_format("csv"), FileFormat::csv);
  EXPECT_EQ(file_format("xml"), std::nullopt);
  EXPECT_EQ(format_of_file("a/b.lp"), FileFormat::lines);
  EXPECT_EQ(format_of_file("b.senml"), FileFormat::senml);
  EXPECT_EQ(format_of_file("b.txt"), std::nullopt);
}

}  // namespace
}  // namespace dunlin::series
