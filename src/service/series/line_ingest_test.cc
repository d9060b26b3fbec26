// From lines of the line protocol to stored points, and what is said of lines that cannot be taken.
#include "service/series/line_ingest.h"

#include "model/testing/service_test.h"
#include "service/series/sample_disk.h"

namespace dunlin::series {
namespace {

struct LineIngestTest : model::testing::ServiceTest {
  void SetUp() override { boot(); }
  void boot() {
    store = std::make_unique<SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    Result<void> result = fail(Errc::internal, "not started");
    store->open([&](Result<void> opened) { result = std::move(opened); });
    settle();
    ASSERT_TRUE(result) << result.error().message;
    make({});
  }
  void make(LineOptions options) {
    ingest = std::make_unique<LineIngest>(*executor, *store, *metrics, std::move(options));
    ingest->on_source([this](TenantId, const LineSource& source) {
      std::string text = source.device;
      for (const auto& [name, value] : source.tags) text += "," + name + "=" + value;
      sources.push_back(text);
    });
  }
  Result<LineReport> write(std::string_view lines, std::int64_t tick = 1, TenantId tenant = kDefaultTenant) {
    Result<LineReport> report = fail(Errc::internal, "no answer");
    ingest->write({tenant, std::string(lines), tick},
                  [&](Result<LineReport> answer) { report = std::move(answer); });
    settle();
    return report;
  }
  /// "time:value" of every point, by the kind of value.
  std::vector<std::string> points(std::string_view device, std::string_view channel,
                                  TenantId tenant = kDefaultTenant) {
    std::vector<std::string> found;
    const SeriesInfo* info = store->find(tenant, device, channel);
    if (info == nullptr) return found;
    store->points(info->id, tenant, WallTime::min(), WallTime::max(), 1000, [&](auto read) {
      for (const Point& point : *read) {
        const auto* text = std::get_if<std::string>(&point.value);
        found.push_back(std::to_string(unix_nanoseconds(point.time)) + ":" +
                        std::to_string(point.value.index()) + ":" +
                        (text != nullptr ? *text : std::to_string(*number_of(point.value))));
      }
    });
    settle();
    return found;
  }
  using Texts = std::vector<std::string>;

  SampleDisk disk;
  std::unique_ptr<SeriesStore> store;
  std::unique_ptr<LineIngest> ingest;
  Texts sources;
};

TEST_F(LineIngestTest, StoresEveryKindOfValue) {
  const auto report = write(
      "readings,name=truck_1,fleet=West v=52.5,n=3i,u=4u,big=18446744073709551615u,on=t,say=\"a \\\"b\\\"\" "
      "5\n"
      "readings,name=truck_1,fleet=West v=53 6\n");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->stored, 7u);
  EXPECT_EQ(report->refused, 0u);
  EXPECT_EQ(points("truck_1", "readings/v"), (Texts{"5:0:52.500000", "6:0:53.000000"}));
  EXPECT_EQ(points("truck_1", "readings/n"), (Texts{"5:1:3.000000"}));
  EXPECT_EQ(points("truck_1", "readings/u"), (Texts{"5:1:4.000000"}));
  EXPECT_EQ(points("truck_1", "readings/big"), (Texts{"5:0:18446744073709551616.000000"}));
  EXPECT_EQ(points("truck_1", "readings/on"), (Texts{"5:2:1.000000"}));
  EXPECT_EQ(points("truck_1", "readings/say"), (Texts{"5:3:a \"b\""}));
  EXPECT_EQ(sources, (Texts{"truck_1,fleet=West"}));
  EXPECT_EQ(counted("dunlin_series_samples_stored_total"), 7);
  EXPECT_GT(counted("dunlin_series_line_key_bytes"), 0);
}

TEST_F(LineIngestTest, WhatWasAnsweredOutlivesARestart) {
  ASSERT_TRUE(write("m,device=d v=1 5").has_value());
  ingest.reset();
  store.reset();
  disk.close();
  restart_process();
  boot();
  EXPECT_EQ(points("d", "m/v"), (Texts{"5:0:1.000000"}));
}

TEST_F(LineIngestTest, ABadLineIsToldOfAndTheOthersAreStored) {
  const auto report = write(
      "m,device=d v=1 5\n"
      "m,device=d v=\n"
      "m,site=x v=1 5\n"
      "m,name=,site=x v=1 5\n"
      "m,device=a/b v=1 5\n"
      "m,device=d,device=e v=1\n"
      "m,device=d good=1,b\x01=1 6\n"
      "m,device=d v=2 6\n");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->stored, 2u);
  EXPECT_EQ(report->refused, 6u);
  EXPECT_EQ(report->errors,
            (Texts{"line 2, column 14: a field has no value", "line 3, column 1: no tag names the device",
                   "line 4, column 1: no tag names the device",
                   "line 5, column 10: a device's name may have 1 to 128 letters, digits, hyphens, "
                   "underscores, dots and colons",
                   "line 6, column 12: a tag is there twice",
                   "line 7, column 19: a name holds a control character"}));
  EXPECT_EQ(points("d", "m/v").size(), 2u);
  EXPECT_TRUE(points("d", "m/good").empty());  // of its line nothing is stored
  EXPECT_EQ(counted("dunlin_series_lines_refused_total"), 6);
}

TEST_F(LineIngestTest, TheFirstOfTheDeviceTagsNamesTheDevice) {
  ASSERT_TRUE(
      write("m,host=h,name=n,thing=t v=1 5\nm,host=h v=1 5\nm,host=h,name=n,device=d v=1 5").has_value());
  EXPECT_EQ(sources, (Texts{"t,host=h,name=n", "h", "d,host=h,name=n"}));
  make({.device_tags = {"truck"}, .channel_tags = {"wheel", "side"}, .plain_measurement = "telemetry"});
  ASSERT_TRUE(write("brake,truck=k,side=left,wheel=2 heat=80 5\ntelemetry,truck=k speed=50 5\n"
                    "telemetry,truck=k,wheel=1 speed=51 5")
                  .has_value());
  EXPECT_EQ(points("k", "brake/2/left/heat").size(), 1u);
  EXPECT_EQ(points("k", "speed"), (Texts{"5:0:50.000000"}));
  EXPECT_EQ(points("k", "1/speed"), (Texts{"5:0:51.000000"}));
}

TEST_F(LineIngestTest, TimesAreInTheUnitOfTheRequestOrThoseOfArrival) {
  ASSERT_TRUE(write("m,device=d v=1 -7", 1'000'000'000).has_value());
  ASSERT_TRUE(write("m,device=d v=2").has_value());
  const auto now = std::to_string(unix_nanoseconds(clock.wall_now()));
  EXPECT_EQ(points("d", "m/v"), (Texts{"-7000000000:0:1.000000", now + ":0:2.000000"}));
  const auto report = write("m,device=d v=1 9223372036854775807", 1000);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->errors, (Texts{"line 1, column 1: the time is not within the years 1678 to 2261"}));
}

std::string shown(const Tags* tags) {
  std::string text;
  if (tags == nullptr) return "none";
  for (const auto& [name, value] : *tags) text += name + "=" + value + " ";
  return text;
}

TEST_F(LineIngestTest, ADeviceHasTheTagsThatItsMeasurementsCameWithLast) {
  EXPECT_EQ(shown(store->tags_of(kDefaultTenant, "k")), "none");
  const auto drive = [this](std::string_view driver, int time) {
    ASSERT_TRUE(write("r,name=k,fleet=West,driver=" + std::string(driver) + " v=1 " + std::to_string(time)));
  };
  drive("Seth", 1);
  EXPECT_EQ(shown(store->tags_of(kDefaultTenant, "k")), "driver=Seth fleet=West ");
  ASSERT_TRUE(write("d,name=k,model=H-2 v=1 2").has_value());
  drive("Trish", 3);
  EXPECT_EQ(shown(store->tags_of(kDefaultTenant, "k")), "driver=Trish fleet=West model=H-2 ");
  drive("Seth", 4);
  drive("Seth", 5);
  EXPECT_EQ(shown(store->tags_of(kDefaultTenant, "k")), "driver=Seth fleet=West model=H-2 ");
  EXPECT_EQ(points("k", "r/v").size(), 4u);
  std::string many = "m,name=k";
  for (std::size_t i = 0; i < kMaxTags + 10; ++i) many += ",t" + std::to_string(i) + "=x";
  ASSERT_TRUE(write(many + " v=1 6").has_value());
  EXPECT_EQ(store->tags_of(kDefaultTenant, "k")->size(), kMaxTags);
}

TEST_F(LineIngestTest, LinesInTheirUsualOrderAndInAnotherGoToTheirOwnSeries) {
  const auto lines = [](const std::vector<int>& devices, int time) {
    std::string text;
    for (const int device : devices)
      text += "m,device=d" + std::to_string(device) + " v=" + std::to_string(device) + " " +
              std::to_string(time) + "\n";
    return text;
  };
  const std::vector<std::vector<int>> orders = {{1, 2, 3}, {1, 2, 3}, {3, 1, 2}, {2, 2, 1, 3}, {1, 2, 3}};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    ASSERT_TRUE(write(lines(orders[i], static_cast<int>(i))).has_value());
    ASSERT_TRUE(write(lines({1, 3}, 100), 1, TenantId{7}).has_value());
  }
  for (int device = 1; device <= 3; ++device) {
    Texts wanted;
    for (std::size_t i = 0; i < orders.size(); ++i)
      wanted.push_back(std::to_string(i) + ":0:" + std::to_string(static_cast<double>(device)));
    EXPECT_EQ(points("d" + std::to_string(device), "m/v"), wanted);
  }
  EXPECT_EQ(points("d2", "m/v", TenantId{7}).size(), 0u);
  EXPECT_EQ(points("d3", "m/v", TenantId{7}).size(), 1u);
}

TEST_F(LineIngestTest, TenantsDoNotMeet) {
  ASSERT_TRUE(write("m,device=d v=1 5", 1, TenantId{7}).has_value());
  EXPECT_TRUE(points("d", "m/v").empty());
  EXPECT_EQ(points("d", "m/v", TenantId{7}).size(), 1u);
}

TEST_F(LineIngestTest, FieldsMayComeInAnyOrder) {
  ASSERT_TRUE(write("m,device=d a=1,b=2 5\nm,device=d b=3,c=4,a=5 6\nm,device=d c=6 7").has_value());
  EXPECT_EQ(points("d", "m/a"), (Texts{"5:0:1.000000", "6:0:5.000000"}));
  EXPECT_EQ(points("d", "m/b"), (Texts{"5:0:2.000000", "6:0:3.000000"}));
  EXPECT_EQ(points("d", "m/c"), (Texts{"6:0:4.000000", "7:0:6.000000"}));
}

TEST_F(LineIngestTest, OverALimitALineIsRefused) {
  const std::string text(kMaxTextValueBytes + 1, 'x');
  const std::string name(200, 'n');
  const auto report = write("m,device=d say=\"" + text + "\" 5\n" + name + ",device=d " + name + "=1 5");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->errors,
            (Texts{"line 1, column 12: a text is longer than 1024 bytes",
                   "line 2, column 211: measurement and field make a channel of more than 256 bytes"}));
  std::string many;
  for (int i = 0; i < 100; ++i) many += "m v=1\n";
  const auto told_of = write(many);
  ASSERT_TRUE(told_of.has_value());
  EXPECT_EQ(told_of->refused, 100u);
  EXPECT_EQ(told_of->errors.size(), kMaxToldLineErrors);
}

TEST_F(LineIngestTest, ALongRequestIsReadInPartsAndStoredAsOne) {
  std::string lines;
  for (std::size_t i = 0; i < 3 * kLinesPerTurn; ++i) lines += "m,device=d v=1 " + std::to_string(i) + "\n";
  bool answered = false;
  ingest->write({kDefaultTenant, lines, 1}, [&](Result<LineReport> report) {
    answered = true;
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->stored, 3 * kLinesPerTurn);
  });
  EXPECT_EQ(counted("dunlin_series_line_key_bytes"), 0);  // the rest waits for its turn
  settle();
  EXPECT_TRUE(answered);
}

TEST_F(LineIngestTest, ARequestWithTooManyValuesIsRefusedAsAWhole) {
  std::string lines = "m,device=first v=1 5\n";
  std::string line = "m,device=d a=1";
  for (int i = 0; i < 400; ++i) line += ",f" + std::to_string(i) + "=1";
  for (std::size_t i = 0; i <= kMaxPointsPerLineWrite / 401; ++i)
    lines += line + " " + std::to_string(i) + "\n";
  const auto report = write(lines);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, Errc::limit_exceeded);
  EXPECT_TRUE(points("first", "m/v").empty());
}

TEST_F(LineIngestTest, OnAFullDiskNothingOfARequestIsStoredAndItIsSaid) {
  disk.refuse_next_write();
  const auto refused = write("m,device=d v=1 5\nm,device=e v=1 5");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::no_space);
  EXPECT_TRUE(sources.empty());
  ASSERT_TRUE(write("m,device=d v=2 5\nm,device=e v=2 5").has_value());
  EXPECT_EQ(points("d", "m/v"), (Texts{"5:0:2.000000"}));
  EXPECT_EQ(sources, (Texts{"d", "e"}));
}

}  // namespace
}  // namespace dunlin::series
