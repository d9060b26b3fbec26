// series.write and series.points: every kind of value there and back, pages, refusals.
#include "service/series/sample_operations.h"

#include <boost/json.hpp>

#include "model/testing/service_test.h"
#include "service/series/sample_disk.h"

namespace dunlin::series {
namespace {

struct SampleOperationsTest : model::testing::ServiceTest {
  void SetUp() override {
    store = std::make_unique<SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    Result<void> opened = fail(Errc::internal, "not opened");
    store->open([&](Result<void> result) { opened = std::move(result); });
    settle();
    ASSERT_TRUE(opened);
    operations = std::make_unique<SampleOperations>(*executor, *store, *metrics);
    operations->declare(table);
    operations->on_stored([this](std::span<const model::Sample> samples) { told += samples.size(); });
  }
  /// The answer as JSON, or the error's message.
  std::string ask(const std::string& operation, std::string_view fields) {
    const auto answer = call(operation, boost::json::parse(fields).as_object());
    return answer ? boost::json::serialize(*answer) : answer.error().message;
  }
  std::string write(std::string_view samples) {
    return ask("series.write", R"({"samples":)" + std::string(samples) + "}");
  }

  SampleDisk disk;
  std::unique_ptr<SeriesStore> store;
  std::unique_ptr<SampleOperations> operations;
  std::size_t told = 0;
};

TEST_F(SampleOperationsTest, EveryKindOfValueComesBackAsItWas) {
  EXPECT_EQ(
      write(
          R"([{"device":"d","channel":"c","time":"2026-01-01T00:00:00.123456789Z","value":21.5,"unit":"Cel"},
                      {"device":"d","channel":"c","time":1767225601000,"value":7,"quality":"bad","flags":1},
                      {"device":"d","channel":"c","time":1767225602000,"value":true},
                      {"device":"d","channel":"c","time":1767225603500,"value":"too hot"},
                      {"device":"d","channel":"c","time":"1969-12-31T23:59:59Z","value":21.0}])"),
      R"({"stored":5})");
  EXPECT_EQ(ask("series.points", R"({"device":"d","channel":"c"})"),
            R"({"device":"d","channel":"c","unit":"Cel",)"
            R"("time":["1969-12-31T23:59:59Z","2026-01-01T00:00:00.123456789Z","2026-01-01T00:00:01Z",)"
            R"("2026-01-01T00:00:02Z","2026-01-01T00:00:03.5Z"],)"
            R"("value":[2.1E1,2.15E1,7,true,"too hot"],"quality":["good","good","bad","good","good"],)"
            R"("flags":[0,0,1,0,0]})");
  EXPECT_EQ(told, 5u);
  EXPECT_EQ(counted("dunlin_series_samples_stored_total"), 5);
}

TEST_F(SampleOperationsTest, PagesGoOnWhereTheOneBeforeEnded) {
  EXPECT_EQ(write(R"([{"device":"d","channel":"c","time":1000,"value":1},
                      {"device":"d","channel":"c","time":2000,"value":2},
                      {"device":"d","channel":"c","time":3000,"value":3}])"),
            R"({"stored":3})");
  const auto first = ask("series.points", R"({"device":"d","channel":"c","limit":2})");
  EXPECT_NE(first.find(R"("next":"1970-01-01T00:00:03Z")"), std::string::npos) << first;
  const auto second =
      ask("series.points", R"({"device":"d","channel":"c","limit":2,"from":"1970-01-01T00:00:03Z"})");
  EXPECT_NE(second.find(R"("value":[3])"), std::string::npos) << second;
  EXPECT_EQ(second.find("next"), std::string::npos) << second;
  const auto part = ask("series.points", R"({"device":"d","channel":"c","from":2000,"to":3000})");
  EXPECT_NE(part.find(R"("value":[2])"), std::string::npos) << part;
}

TEST_F(SampleOperationsTest, ABadSampleStopsAllAndIsNamed) {
  const std::string good = R"({"device":"d","channel":"c","value":1})";
  const auto bad = [&](std::string_view sample) {
    return write("[" + good + "," + std::string(sample) + "]");
  };
  EXPECT_EQ(bad("5"), "samples[1]: it is not an object");
  EXPECT_EQ(bad(R"({"channel":"c","value":1})"),
            "samples[1]: \"device\" must be a text of 1 to 256 bytes without control characters");
  EXPECT_EQ(bad(R"({"device":"d","channel":"a\u0000b","value":1})"),
            "samples[1]: \"channel\" must be a text of 1 to 256 bytes without control characters");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c"})"),
            "samples[1]: \"value\" must be a number, a truth value, or a text of at most 1024 bytes");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c","value":[1]})"),
            "samples[1]: \"value\" must be a number, a truth value, or a text of at most 1024 bytes");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c","value":1,"time":"yesterday"})"),
            "samples[1]: not an RFC 3339 time such as 2026-11-23T02:03:04.123Z");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c","value":1,"quality":"fine"})"),
            "samples[1]: \"quality\" must be good, uncertain or bad");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c","value":1,"flags":16})"),
            "samples[1]: \"flags\" must be a sum of 1, 2 and 8");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c","value":1,"unit":"123456789012345678901234567890123"})"),
            "samples[1]: \"unit\" has at most 32 bytes");
  EXPECT_EQ(bad(R"({"device":"d","channel":"c","value":1,"when":1})"),
            "samples[1]: it has an unknown member");
  EXPECT_EQ(store->find(kDefaultTenant, "d", "c"), nullptr);
  EXPECT_EQ(ask("series.points", R"({"device":"d","channel":"c"})"),
            "there is no such series; see series.list");
  EXPECT_EQ(told, 0u);
}

TEST_F(SampleOperationsTest, AFullDiskIsSaid) {
  disk.refuse_next_write();
  const auto answer =
      call("series.write",
           boost::json::parse(R"({"samples":[{"device":"d","channel":"c","value":1}]})").as_object());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::no_space);
  EXPECT_EQ(told, 0u);
}

}  // namespace
}  // namespace dunlin::series
