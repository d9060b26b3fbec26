#include "transport/http/live_queries.h"

#include <gmock/gmock.h>

#include "model/text.h"
#include "service/query/query_fixture.h"

namespace dunlin::transport {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LiveQueriesTest : public query::QueryTest {
 protected:
  static constexpr int kPoints = 40'000;

  void SetUp() override {
    QueryTest::SetUp();
    for (int i = 0; i < kPoints; ++i) put("d", "m/x", 1'700'000'000 + i, static_cast<double>(i % 100) + 0.25);
    put("d", "m/note", 1'700'000'000, std::string("gr\xC3\xBC\xC3\x9F, \"x\""));
    write();
    auto who = std::make_shared<Principal>();
    who->kind = PrincipalKind::user;
    who->name = "ada";
    page = std::make_unique<LiveQueries>(LiveQueries::Parts{*executor,
                                                            *service,
                                                            {std::move(who), "test"},
                                                            [this](std::string text) {
                                                              bytes += text.size();
                                                              frames.push_back(std::move(text));
                                                              if (then) std::exchange(then, nullptr)();
                                                            },
                                                            [this] { return bytes < room; }});
  }
  void TearDown() override {
    page.reset();
    QueryTest::TearDown();
  }
  void start(const std::string& id, const std::string& sql, const std::string& format = "json") {
    page->start(boost::json::object{{"id", id}, {"sql", sql}, {"format", format}});
    settle();
  }
  std::string all_lines() const {
    std::string text;
    for (const std::string& frame : frames) {
      const boost::json::value read = boost::json::parse(frame);
      for (const auto& line : read.at("rows").as_array()) text += model::json_text(line) + "\n";
    }
    return text;
  }
  /// What the frames bring, by line.
  std::size_t lines() const {
    std::size_t count = 0;
    for (const std::string& frame : frames)
      count += boost::json::parse(frame).as_object().at("rows").as_array().size();
    return count;
  }

  std::unique_ptr<LiveQueries> page;
  std::vector<std::string> frames;
  std::size_t bytes = 0;
  std::size_t room = 100'000'000;
  std::function<void()> then;  // after the next frame
};

TEST_F(LiveQueriesTest, RowsComeInFrames) {
  start("a", "SELECT note, x FROM m LIMIT 2");
  EXPECT_THAT(frames[0], StartsWith("{\"type\":\"query\",\"id\":\"a\",\"rows\":[{\"columns\":"));
  EXPECT_EQ(all_lines(),
            "{\"columns\":[{\"name\":\"note\",\"type\":\"text\"},{\"name\":\"x\",\"type\":\"number\"}]}\n"
            "[\"gr\xC3\xBC\xC3\x9F, \\\"x\\\"\",0.25]\n[null,1.25]\n"
            "{\"end\":{\"rows\":2,\"points_read\":40001,\"chunks_by_summary\":0}}\n");
  frames.clear();
  start("a", "SELECT time, x FROM m");
  EXPECT_GT(frames.size(), 10U);
  EXPECT_EQ(lines(), kPoints + 2U);
}

TEST_F(LiveQueriesTest, AsCsv) {
  start("a", "SELECT note, x FROM m LIMIT 2", "csv");
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0],
            "{\"type\":\"query\",\"id\":\"a\",\"csv\":\"note,x\\r\\n\\\"gr\xC3\xBC\xC3\x9F, "
            "\\\"\\\"x\\\"\\\"\\\",0.25"
            "\\r\\n,1.25\\r\\n\"}");
  EXPECT_EQ(frames[1], R"({"type":"query","id":"a","rows":[{"end":{}}]})");
}

TEST_F(LiveQueriesTest, WaitForAPageThatDoesNotKeepUp) {
  room = 200'000;
  start("a", "SELECT time, x FROM m");
  const std::size_t before = bytes;
  EXPECT_LT(before, room + 100'000);
  pass(std::chrono::seconds{10});
  EXPECT_EQ(bytes, before);
  room = 100'000'000;
  pass(std::chrono::seconds{1});
  EXPECT_EQ(lines(), kPoints + 2U);
}

TEST_F(LiveQueriesTest, EndOnDemandAndWithThePage) {
  room = 1;
  start("a", "SELECT time, x FROM m");
  start("b", "SELECT time, x FROM m");
  EXPECT_EQ(service->running(), 2U);
  page->cancel(boost::json::value("a"));
  page->cancel(boost::json::value("none"));
  settle();
  EXPECT_EQ(service->running(), 1U);
  EXPECT_THAT(frames.back(), HasSubstr("\"id\":\"a\",\"rows\":[{\"error\":{\"code\":\"cancelled\""));
  page.reset();
  settle();
  EXPECT_EQ(service->running(), 0U);
}

TEST_F(LiveQueriesTest, AnIdMayBeUsedAgainAtOnce) {
  std::size_t before = 0;
  then = [&] {
    page->cancel(boost::json::value("a"));
    before = frames.size();
    page->start(boost::json::object{{"id", "a"}, {"sql", "SELECT time, x FROM m"}});
  };
  start("a", "SELECT time, x FROM m");
  frames.erase(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_EQ(lines(), kPoints + 2U);
  EXPECT_THAT(frames.front(), HasSubstr("{\"columns\":"));
  EXPECT_THAT(frames.back(), HasSubstr("{\"end\":"));
  EXPECT_EQ(service->running(), 0U);
}

TEST_F(LiveQueriesTest, SayWhatIsWrong) {
  start("a", "SELECT nothing FROM m");
  EXPECT_THAT(frames.back(), HasSubstr("\"id\":\"a\",\"rows\":[{\"error\":{\"code\":\"not_found\""));
  start("", "SELECT x FROM m");
  EXPECT_THAT(frames.back(), HasSubstr("\\\"id\\\" must have 1 to 64 bytes"));
  page->start(boost::json::value(true));
  EXPECT_THAT(frames.back(), HasSubstr("invalid_argument"));
  start("a", "SELECT x FROM m", "xml");
  EXPECT_THAT(frames.back(), HasSubstr("must be json or csv"));
  room = 1;
  start("a", "SELECT time, x FROM m");
  start("a", "SELECT time, x FROM m");
  EXPECT_THAT(frames.back(), HasSubstr("already_exists"));
}

}  // namespace
}  // namespace dunlin::transport
