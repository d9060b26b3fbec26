#include <boost/json.hpp>

#include "base/rng.h"
#include "model/testing/service_test.h"
#include "service/series/sample_disk.h"
#include "service/series/series_service.h"

namespace dunlin::series {
namespace {

constexpr std::string_view kTopic = "demo/plant1/machine/press-01/temperature";

std::string text_of(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::to_string(*number_of(value));
}

struct SeriesTest : model::testing::ServiceTest {
  void boot() {
    series = std::make_unique<SeriesService>(*executor, bus, keyed, disk.open(*executor, *metrics), *metrics,
                                             model::Mapping::standard());
    series->declare(table);
    series->on_arrival([this](const Arrival& arrival) { arrivals.push_back(arrival.samples.size()); });
    Result<void> result = fail(Errc::internal, "not started");
    series->start([&](Result<void> started) { result = std::move(started); });
    settle();
    ASSERT_TRUE(result) << result.error().message;
  }
  void restart() {
    series.reset();
    disk.close();
    restart_process();
    boot();
  }
  void SetUp() override { boot(); }

  std::string last(const std::string& channel = "temperature") {
    const SeriesInfo* info = series->store().find(kDefaultTenant, "press-01", channel);
    return info == nullptr ? "none" : text_of(info->last.value) + info->unit;
  }
  std::vector<std::string> points(const std::string& channel = "temperature", std::size_t limit = 1000) {
    const SeriesInfo* info = series->store().find(kDefaultTenant, "press-01", channel);
    std::vector<std::string> found;
    if (info == nullptr) return found;
    series->store().points(
        info->id, kDefaultTenant, WallTime{}, WallTime::max(), limit, [&](Result<std::vector<Point>> read) {
          for (const Point& point : *read)
            found.push_back(std::to_string(unix_milliseconds(point.time)) + ":" + text_of(point.value));
        });
    settle();
    return found;
  }
  SampleDisk disk;
  std::unique_ptr<SeriesService> series;
  std::vector<std::size_t> arrivals;
};

TEST_F(SeriesTest, StoresWhatDevicesMeasureOnceHoweverOftenItIsDelivered) {
  for (int i = 0; i < 3; ++i) arrive(kTopic, R"({"value":21.5,"t":1000,"unit":"Cel"})");
  arrive(kTopic, R"({"value":22.5,"t":2000})");
  settle();
  EXPECT_EQ(points(), (std::vector<std::string>{"1000:21.500000", "2000:22.500000"}));
  EXPECT_EQ(last(), "22.500000Cel");
  EXPECT_EQ(arrivals.size(), 4u);
  EXPECT_EQ(bus.committed["series"], 4u);
}

TEST_F(SeriesTest, ALateSampleDoesNotReplaceANewerLastValue) {
  arrive(kTopic, R"({"value":5,"t":2000})");
  arrive(kTopic, R"({"value":4,"t":1000})");
  settle();
  EXPECT_EQ(last(), "5.000000");
  EXPECT_EQ(points().size(), 2u);
  arrive(kTopic, R"({"value":6,"t":2000})");  // the same time: the last one written wins
  settle();
  EXPECT_EQ(last(), "6.000000");
  restart();
  EXPECT_EQ(last(), "6.000000");
}

TEST_F(SeriesTest, KeepsTextsTruthValuesAndTheLengthOfPictures) {
  arrive(kTopic, R"({"value":"too hot","t":1000})");
  arrive(kTopic, "true");
  arrive("demo/plant1/machine/press-01/frame", "\xff\xd8\xff");
  arrive("demo/plant1/machine/press-01/long", '"' + std::string(kMaxTextValueBytes + 1, 'x') + '"');
  settle();
  EXPECT_EQ(points().at(0), "1000:too hot");
  EXPECT_EQ(last(), "true");
  EXPECT_EQ(last("frame"), "3.000000");
  EXPECT_EQ(last("long"), "none");
  EXPECT_EQ(counted("dunlin_series_samples_skipped_total"), 1);
  EXPECT_EQ(counted("dunlin_series_samples_stored_total"), 3);
  restart();
  EXPECT_EQ(last(), "true");
  EXPECT_EQ(last("frame"), "3.000000");
}

TEST_F(SeriesTest, CountsMessagesWithoutAMeasurementAndGoesOn) {
  arrive(kTopic, "not json");
  arrive(kTopic, "7");
  settle();
  EXPECT_EQ(counted("dunlin_series_messages_refused_total"), 1);
  EXPECT_EQ(last(), "7.000000");
  EXPECT_EQ(bus.committed["series"], 2u);
}

TEST_F(SeriesTest, AMessageThatIsNotJournalledIsStoredToo) {
  bus.arrive(kTopic, "7", device("press-01"), clock.wall_now(), hub::QoS::at_most_once);
  settle();
  EXPECT_EQ(last(), "7.000000");
  EXPECT_EQ(bus.committed.count("series"), 0u);
}

TEST_F(SeriesTest, AUnitMayChangeAndSurvivesARestart) {
  arrive(kTopic, R"({"value":5,"unit":"Cel"})");
  arrive(kTopic, R"({"value":5})");
  settle();
  EXPECT_EQ(last(), "5.000000Cel");
  arrive(kTopic, R"({"value":41,"unit":"degF"})");
  settle();
  EXPECT_EQ(last(), "41.000000degF");
  restart();
  EXPECT_EQ(last(), "41.000000degF");
}

TEST_F(SeriesTest, AFullDiskIsTriedAgainAfterASecondAndNothingIsLost) {
  disk.refuse_next_write();
  arrive(kTopic, R"({"value":5,"t":1000,"unit":"Cel"})");
  settle();
  arrive(kTopic, R"({"value":6,"t":2000})");
  settle();
  EXPECT_TRUE(arrivals.empty());
  disk.refuse_next_write();
  pass(std::chrono::milliseconds{1900});
  EXPECT_TRUE(points().empty());
  pass(std::chrono::milliseconds{200});
  EXPECT_EQ(counted("dunlin_series_write_retries_total"), 2);
  EXPECT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(bus.committed["series"], 2u);
  restart();  // the dictionary came with the record that was written
  EXPECT_EQ(last(), "6.000000Cel");
  arrive("demo/plant1/machine/press-01/pressure", "1");
  settle();
  EXPECT_EQ(points(), (std::vector<std::string>{"1000:5.000000", "2000:6.000000"}));
}

TEST_F(SeriesTest, ACrashBeforeTheWriteReplaysAndOneAfterItDoesNot) {
  disk.refuse_next_write();
  arrive(kTopic, R"({"value":5,"t":1000})");
  settle();
  EXPECT_TRUE(points().empty());
  restart();
  EXPECT_EQ(points().size(), 1u);  // taken up from the journal
  EXPECT_EQ(arrivals.size(), 1u);
  const std::size_t handed_out = bus.handed_out("series");
  restart();
  EXPECT_EQ(bus.handed_out("series"), handed_out);
}

TEST_F(SeriesTest, ThePositionInTheJournalOutlivesTheLogOfSamples) {
  arrive(kTopic, R"({"value":5,"t":1000})");
  settle();
  pass(std::chrono::hours{3});  // sealed: the log may forget
  EXPECT_EQ(keyed.rows(store::Table::meta).at("cursor/series/0"), "1");
  EXPECT_EQ(keyed.rows(store::Table::series).size(), 1u);
  const std::size_t handed_out = bus.handed_out("series");
  restart();
  EXPECT_EQ(bus.handed_out("series"), handed_out);
  EXPECT_EQ(points(), (std::vector<std::string>{"1000:5.000000"}));
}

TEST_F(SeriesTest, AStoreThatCannotBeReadStopsTheStart) {
  series.reset();
  disk.close();
  restart_process();
  keyed.fail_reads = 1;
  series = std::make_unique<SeriesService>(*executor, bus, keyed, disk.open(*executor, *metrics), *metrics,
                                           model::Mapping::standard());
  Result<void> result;
  series->start([&](Result<void> started) { result = std::move(started); });
  settle();
  EXPECT_EQ(result.error().code, Errc::io);
}

struct Naive {
  std::uint64_t count = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
};

TEST_F(SeriesTest, DownsamplingEqualsANaiveComputation) {
  SeededRng rng(42);
  for (int round = 0; round < 20; ++round) {
    const std::string channel = "c" + std::to_string(round);
    std::map<std::int64_t, double> truth;  // by Unix ms
    std::vector<model::Sample> samples;
    for (std::uint64_t i = 0; i < 300; ++i) {
      model::Sample sample;
      sample.device = "press-01";
      sample.channel = channel;
      const auto time = static_cast<std::int64_t>(1'700'000'000'000 + rng.below(100'000));
      sample.t_source = from_unix_milliseconds(time);
      sample.value = rng.unit() * 100 - 50;
      truth[time] = std::get<double>(sample.value);
      samples.push_back(std::move(sample));
    }
    series->store().write(samples, "test", {},
                          [](Result<SeriesStore::Written> written) { ASSERT_TRUE(written); });
    settle();
    const std::int64_t from = 1'700'000'000'000 + static_cast<std::int64_t>(rng.below(20'000));
    const std::int64_t length = 1 + static_cast<std::int64_t>(rng.below(60'000));
    const std::size_t parts = 1 + rng.below(40);
    std::vector<Naive> expected(parts);
    std::size_t inside = 0;
    for (const auto& [time, value] : truth) {
      if (time < from || time >= from + length) continue;
      ++inside;
      Naive& part =
          expected.at(static_cast<std::size_t>((time - from) * static_cast<std::int64_t>(parts) / length));
      part.min = part.count == 0 ? value : std::min(part.min, value);
      part.max = part.count == 0 ? value : std::max(part.max, value);
      part.sum += value;
      ++part.count;
    }
    std::vector<Bucket> answer;
    const SeriesInfo* info = series->store().find(kDefaultTenant, "press-01", channel);
    series->store().downsampled(info->id, kDefaultTenant, from_unix_milliseconds(from),
                                from_unix_milliseconds(from + length), parts,
                                [&](Result<std::vector<Bucket>> read) { answer = *read; });
    settle();
    if (inside <= parts) {
      ASSERT_EQ(answer.size(), inside);
      continue;
    }
    std::erase_if(expected, [](const Naive& part) { return part.count == 0; });
    ASSERT_EQ(answer.size(), expected.size());
    for (std::size_t i = 0; i < answer.size(); ++i) {
      ASSERT_EQ(answer[i].count, expected[i].count);
      ASSERT_EQ(answer[i].min, expected[i].min);
      ASSERT_EQ(answer[i].max, expected[i].max);
      ASSERT_NEAR(answer[i].mean, expected[i].sum / static_cast<double>(expected[i].count), 1e-9);
    }
  }
}

TEST_F(SeriesTest, FewPointsAreAnsweredAsTheyAre) {
  for (int i = 0; i < 5; ++i)
    arrive(kTopic, "{\"value\":" + std::to_string(i) + ",\"t\":" + std::to_string(1000 + i) + "}");
  settle();
  const auto answer =
      call("series.range",
           {{"device", "press-01"}, {"channel", "temperature"}, {"from", 0}, {"to", 100000}, {"points", 5}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->at("t"), (boost::json::value{1000, 1001, 1002, 1003, 1004}));
  EXPECT_EQ(answer->at("count"), (boost::json::value{1, 1, 1, 1, 1}));
  const auto fewer = call(
      "series.range",
      {{"device", "press-01"}, {"channel", "temperature"}, {"from", "0"}, {"to", 100000}, {"points", 4}});
  EXPECT_EQ(fewer->at("count"), (boost::json::value{5}));
  EXPECT_EQ(fewer->at("value").at(0).to_number<double>(), 2);
}

TEST_F(SeriesTest, RangeTellsWhatIsWrongWithARequest) {
  arrive(kTopic, "1");
  settle();
  const auto range = [this](boost::json::object request) {
    request.emplace("device", "press-01");
    request.emplace("channel", "temperature");
    return ask("series.range", std::move(request));
  };
  EXPECT_EQ(range({{"points", 0}}), "invalid_argument");
  EXPECT_EQ(range({{"points", 10001}}), "invalid_argument");
  EXPECT_EQ(range({{"from", 5}, {"to", 5}}), "invalid_argument");
  EXPECT_EQ(range({{"from", -1}}), "invalid_argument");
  EXPECT_EQ(range({{"from", true}}), "invalid_argument");
  EXPECT_EQ(range({{"from", "yesterday"}}), "malformed");
  EXPECT_EQ(range({{"channel", "x"}}), "not_found");
  EXPECT_NE(range({{"from", "2020-01-01T00:00:00Z"}, {"to", 1.8e12}}).find("\"count\":[1]"),
            std::string::npos);
  EXPECT_NE(range({{"to", 5}}).find("\"t\":[]"), std::string::npos);
}

TEST_F(SeriesTest, ListsSeriesOfADeviceWithTheirLastValues) {
  arrive(kTopic, R"({"value":21.5,"t":1000,"unit":"Cel","quality":"bad"})");
  arrive("demo/plant1/machine/press-01/state", "\"running\"");
  arrive("demo/plant1/machine/press-010/state", "1");
  settle();
  const auto answer = call("series.last", {{"device", "press-01"}});
  ASSERT_EQ(answer->at("series").as_array().size(), 2u);
  EXPECT_EQ(
      boost::json::serialize(answer->at("series").at(1)),
      R"({"device":"press-01","channel":"temperature","unit":"Cel","t":1000,"value":2.15E1,"quality":"bad","derived":false})");
  EXPECT_EQ(call("series.list", {})->at("series").as_array().size(), 3u);
}

TEST_F(SeriesTest, RoundsTimesOfArrivalAndNoOthers) {
  series->round_arrivals(std::chrono::seconds{1});
  pass(std::chrono::milliseconds{1234});
  const std::string second = std::to_string(unix_milliseconds(clock.wall_now()) / 1000 * 1000);
  arrive(kTopic, "1");
  pass(std::chrono::milliseconds{200});
  arrive(kTopic, "2");
  arrive(kTopic, R"({"value":3,"t":1700000000123})");
  settle();
  EXPECT_EQ(points(), (std::vector<std::string>{"1700000000123:3.000000", second + ":2.000000"}));
}

TEST_F(SeriesTest, DeletesAndTellsWhatIsLeft) {
  for (int i = 0; i < 5; ++i) {
    arrive(kTopic, "{\"value\":1,\"t\":" + std::to_string(1000 + i) + "}");
    arrive("demo/plant1/machine/press-01/pressure", "{\"value\":1,\"t\":" + std::to_string(1000 + i) + "}");
  }
  settle();
  EXPECT_EQ(call("series.usage", {})->at("open_points").to_number<int>(), 10);
  EXPECT_EQ(call("series.usage", {})->at("rows").at(0).at("open_points").to_number<int>(), 10);
  pass(std::chrono::hours{3});
  const auto usage = call("series.usage", {});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->at("series").to_number<int>(), 2);
  EXPECT_EQ(usage->at("points").to_number<int>(), 10);
  EXPECT_GT(usage->at("bytes").to_number<int>(), 20);
  EXPECT_EQ(usage->at("open_points").to_number<int>(), 0);
  EXPECT_EQ(usage->at("open_bytes").to_number<int>(), 0);
  EXPECT_EQ(usage->at("rows").at(0).at("name").as_string(), "press-01");
  EXPECT_EQ(ask("series.delete", {{"device", "press-01"}, {"channel", "pressure"}, {"from", 1003}}),
            "{\"series\":1}");
  EXPECT_EQ(points("pressure").size(), 3U);
  EXPECT_EQ(last("pressure"), "1.000000");
  EXPECT_EQ(ask("series.delete", {{"device", "press-01"}, {"from", 5}, {"to", 5}}), "invalid_argument");
  EXPECT_EQ(ask("series.delete", {{"device", ""}}), "invalid_argument");
  EXPECT_EQ(ask("series.delete", {{"device", "press-02"}}), "not_found");
  EXPECT_EQ(ask("series.delete", {{"device", "press-01"}}), "{\"series\":2}");
  EXPECT_EQ(last(), "none");
  EXPECT_EQ(call("series.usage", {})->at("points").to_number<int>(), 0);
  restart();
  EXPECT_EQ(last(), "none");
}

TEST_F(SeriesTest, PointsEndEarlyAtTheLimit) {
  for (int i = 0; i < 120; ++i) arrive(kTopic, "{\"value\":1,\"t\":" + std::to_string(1000 + i) + "}");
  settle();
  EXPECT_EQ(points().size(), 120u);  // over several pages
  EXPECT_EQ(points("temperature", 3).size(), 3u);
  EXPECT_EQ(points("temperature", 0).size(), 0u);
}

}  // namespace
}  // namespace dunlin::series
