#include "service/shadow/document.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "base/rng.h"
#include "model/text.h"
#include "service/shadow/limits.h"

namespace dunlin::shadow {
namespace {

using boost::json::object;
using boost::json::value;

/// What a line of the case file says must hold.
value shown(const Document& document, const std::string& word) {
  if (word == "desired") return document.desired();
  if (word == "reported") return document.reported();
  if (word == "metadata") return document.desired_metadata();
  if (word == "version") return document.version();
  const auto delta = document.delta();
  return delta ? value(*delta) : value(nullptr);
}

TEST(DocumentTest, FollowsTheCaseFile) {
  std::ifstream file(DUNLIN_SOURCE_DIR "/src/service/shadow/testdata/document.test");
  std::string line;
  std::string name;
  Document document;
  Result<void> last;
  int checks = 0;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    SCOPED_TRACE("line " + std::to_string(number) + ", " + name);
    const std::size_t blank = line.find(' ');
    const std::string word = line.substr(0, blank);
    std::string rest = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (word == "name:") {
      name = rest;
      document = Document();
    } else if (word == "update") {
      const std::size_t split = rest.find(' ');
      const auto update = parse_update(std::string_view(rest).substr(split + 1));
      last = update ? document.apply(*update, std::stoll(rest.substr(0, split)))
                    : Result<void>(std::unexpected(update.error()));
    } else if (word == "delete") {
      document = Document::deleted(document.version());
    } else if (word == "error") {
      ASSERT_FALSE(last);
      EXPECT_EQ(errc_name(last.error().code), rest);
      ++checks;
    } else {
      ASSERT_TRUE(last) << last.error().message;
      EXPECT_TRUE(model::same_value(shown(document, word), boost::json::parse(rest)))
          << word << " is " << boost::json::serialize(shown(document, word));
      ++checks;
    }
  }
  EXPECT_GE(checks, 50);
}

Update update_of(object desired) {
  Update update;
  update.desired = value(std::move(desired));
  return update;
}

TEST(DocumentTest, EightKibibytesFitAndOneByteMoreDoesNot) {
  Document document;
  const std::size_t frame = std::string_view(R"({"a":""}{})").size();
  ASSERT_TRUE(document.apply(update_of({{"a", std::string(kMaxDocumentBytes - frame, 'x')}}), 1));
  const auto over = document.apply(update_of({{"a", std::string(kMaxDocumentBytes - frame + 1, 'x')}}), 2);
  EXPECT_EQ(over.error().code, Errc::limit_exceeded);
  EXPECT_EQ(document.version(), 1u);  // unchanged
  EXPECT_EQ(parse_update(std::string(kMaxRequestBytes + 1, ' ')).error().code, Errc::limit_exceeded);
}

TEST(DocumentTest, DepthCountsOverSeveralUpdatesToo) {
  Document document;
  object nested{{"leaf", 1}};
  for (std::size_t i = 0; i < kMaxDepth; ++i) nested = object{{"k", std::move(nested)}};
  EXPECT_TRUE(document.apply(update_of(nested), 1));
  EXPECT_EQ(document.apply(update_of(object{{"k", std::move(nested)}}), 2).error().code,
            Errc::limit_exceeded);
}

TEST(DocumentTest, TheStoredFormReadsBackAndKeepsNumbers) {
  Document document;
  ASSERT_TRUE(document.apply(
      *parse_update(R"({"state":{"desired":{"a":[1,2.5,null],"n":9007199254740993},"reported":{"b":{}}}})"),
      77));
  const auto read = Document::from_stored(document.to_stored());
  ASSERT_TRUE(read);
  EXPECT_EQ(boost::json::serialize(read->to_json()), boost::json::serialize(document.to_json()));
  EXPECT_EQ(read->desired().at("n").get_int64(), 9007199254740993);
  for (const char* bad : {"", "[]", "{}", R"({"format":2})"})
    EXPECT_EQ(Document::from_stored(bad).error().code, Errc::corrupt);
}

TEST(DocumentTest, EveryEarlierFormatCanBeRead) {
  const auto read = Document::from_stored(
      R"({"format":1,"desired":{"a":1},"reported":{"b":2},"desired_metadata":{"a":{"timestamp":5}},)"
      R"("reported_metadata":{"b":{"timestamp":6}},"version":9,"timestamp":6})");
  ASSERT_TRUE(read);
  EXPECT_EQ(boost::json::serialize(read->to_json()),
            R"({"state":{"desired":{"a":1},"reported":{"b":2},"delta":{"a":1}},"metadata":{"desired":)"
            R"({"a":{"timestamp":5}},"reported":{"b":{"timestamp":6}}},"version":9,"timestamp":6})");
}

/// A shadow as a flat map of paths: the simplest thing that could be right.
using Flat = std::map<std::string, int>;

void flat_merge(Flat& flat, const std::string& path, const value& change) {
  const auto erase_below = [&flat](const std::string& prefix) {
    std::erase_if(
        flat, [&](const auto& leaf) { return leaf.first == prefix || leaf.first.starts_with(prefix + "/"); });
  };
  if (change.is_null()) return erase_below(path);
  if (!change.is_object()) {
    erase_below(path);
    flat[path] = change.to_number<int>();
    return;
  }
  flat.erase(path);  // a leaf becomes an object
  for (const auto& member : change.get_object())
    flat_merge(flat, path + "/" + std::string(member.key()), member.value());
}

Flat flatten(const value& node, const std::string& path = "") {
  if (!node.is_object()) return {{path, node.to_number<int>()}};
  Flat flat;
  for (const auto& member : node.get_object())
    flat.merge(flatten(member.value(), path + "/" + std::string(member.key())));
  return flat;
}

value random_change(SeededRng& rng, int depth) {
  const std::uint64_t choice = rng.below(10);
  if (depth > 0 && choice < 2) return nullptr;
  if (depth > 0 && choice < 6) return static_cast<int>(rng.below(3));
  object members;
  if (depth < 4) {
    for (std::uint64_t i = rng.below(4); i > 0; --i)
      members[std::string(1, static_cast<char>('a' + rng.below(3)))] = random_change(rng, depth + 1);
  }
  return members;
}

TEST(DocumentTest, AgreesWithASimpleModelOnRandomUpdates) {
  SeededRng rng(7);
  for (int run = 0; run < 300; ++run) {
    Document document;
    Flat desired;
    Flat reported;
    for (int step = 1; step <= 12; ++step) {
      Update update;
      update.desired = random_change(rng, 0);
      if (rng.below(2) == 0) update.reported = random_change(rng, 0);
      ASSERT_TRUE(document.apply(update, step));
      flat_merge(desired, "", *update.desired);
      if (update.reported) flat_merge(reported, "", *update.reported);
      ASSERT_EQ(flatten(document.desired()), desired);
      ASSERT_EQ(flatten(document.reported()), reported);
      ASSERT_EQ(document.version(), static_cast<std::uint64_t>(step));
      const Flat delta = document.delta() ? flatten(*document.delta()) : Flat();
      for (const auto& [path, leaf] : delta) {
        ASSERT_EQ(desired.at(path), leaf);
        const auto there = reported.find(path);
        ASSERT_TRUE(there == reported.end() || there->second != leaf);
      }
      for (const auto& [path, leaf] : desired) {
        const auto there = reported.find(path);
        if (there == reported.end() || there->second != leaf) {
          ASSERT_TRUE(delta.contains(path)) << path;
        }
      }
      // What is wanted and then reported leaves no difference.
      Document done = document;
      Update report;
      report.reported = value(document.delta().value_or(object{}));
      ASSERT_TRUE(done.apply(report, step));
      ASSERT_FALSE(done.delta()) << boost::json::serialize(*done.delta());
    }
  }
}

}  // namespace
}  // namespace dunlin::shadow
