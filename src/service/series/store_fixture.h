#pragma once
// For tests: the series store on a disk and a keyed store that outlive its processes, in virtual time.

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "model/testing/service_test.h"
#include "service/series/sample_disk.h"
#include "service/series/series_store.h"
#include "service/series/window.h"

namespace dunlin::series {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class SealingTest : public model::testing::ServiceTest {
 protected:
  void SetUp() override { boot(); }

  void boot() {
    store = std::make_unique<SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    Result<void> opened = fail(Errc::internal, "not opened");
    store->open([&](Result<void> result) { opened = std::move(result); });
    settle();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  void restart() {
    store.reset();
    disk.close();
    restart_process();
    boot();
  }

  model::Sample sample(WallTime time, model::Value value, const std::string& channel = "temperature") {
    model::Sample made;
    made.device = "press-01";
    made.channel = channel;
    made.t_source = time;
    made.value = std::move(value);
    return made;
  }
  /// Nothing is awaited.
  void write(std::vector<model::Sample> samples) {
    store->write(samples, "test", {},
                 [this](Result<SeriesStore::Written> written) { stored += written ? written->stored : 0; });
  }
  std::vector<Point> points(WallTime from = WallTime::min(), WallTime to = WallTime::max()) {
    std::vector<Point> found;
    const SeriesInfo* info = store->find(kDefaultTenant, "press-01", "temperature");
    if (info == nullptr) return found;
    Result<void> outcome = fail(Errc::internal, "no answer");
    store->points(info->id, kDefaultTenant, from, to, 1'000'000, [&](Result<std::vector<Point>> read) {
      outcome = read ? Result<void>() : std::unexpected(read.error());
      if (read) found = *std::move(read);
    });
    settle();
    EXPECT_TRUE(outcome) << outcome.error().message;
    return found;
  }
  std::size_t count_chunks() { return keyed.rows(store::Table::series).size(); }
  double open_windows() { return counted("dunlin_series_open_windows"); }
  /// Records that a restart would read again.
  std::size_t count_records() {
    return disk.log().read(disk.log().cursor(kSealedCursor).value_or(0), 1'000'000, 1 << 30)->size();
  }

  /// Two hours of a point a minute, which begin with a window.
  std::vector<model::Sample> window_of(WallTime start) {
    std::vector<model::Sample> samples;
    for (int i = 0; i < 120; ++i) samples.push_back(sample(start + minutes{i}, 20.0 + i / 10.0));
    return samples;
  }
  WallTime now_window() { return window_start(clock.wall_now()); }

  SampleDisk disk;
  std::unique_ptr<SeriesStore> store;
  std::size_t stored = 0;
};

}  // namespace dunlin::series
