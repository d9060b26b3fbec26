#include <gtest/gtest.h>

#include "service/series/sample_disk.h"
#include "service/series/series_store.h"
#include "store/reference_keyed.h"

namespace dunlin::series {
namespace {

class SeriesDictionaryTest : public ::testing::Test {
 protected:
  void reopen() {
    store_.reset();
    keyed_.reset();
    disk_.close();
    auto keyed = store::open_reference_keyed(disk_.fs, workers_, "keyed");
    ASSERT_TRUE(keyed.has_value());
    keyed_ = std::move(*keyed);
    store_ = std::make_unique<SeriesStore>(executor_, *keyed_, disk_.open(executor_, metrics_), metrics_);
    bool opened = false;
    store_->open([&opened](Result<void> result) { opened = result.has_value(); });
    scheduler_.run_ready();
    ASSERT_TRUE(opened);
  }
  Result<SeriesStore::Written> write(const std::string& unit) {
    model::Sample sample;
    sample.device = "press";
    sample.channel = "temperature";
    sample.unit = unit;
    sample.value = 20.5;
    sample.t_source = from_unix_milliseconds(1'700'000'000'000);
    Result<SeriesStore::Written> answer = fail(Errc::internal, "no answer");
    store_->write({sample}, "test", {},
                  [&answer](Result<SeriesStore::Written> result) { answer = std::move(result); });
    scheduler_.run_ready();
    return answer;
  }
  const SeriesInfo* find() { return store_->find(kDefaultTenant, "press", "temperature"); }

  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  VirtualExecutor executor_{scheduler_};
  VirtualWorkerPool workers_{executor_};
  SampleDisk disk_;
  metrics::Registry metrics_;
  std::unique_ptr<store::Keyed> keyed_;
  std::unique_ptr<SeriesStore> store_;
};

// Found by the simulator: the entry was in the refused batch only, and the retry did not write it again.
TEST_F(SeriesDictionaryTest, AFullDiskDoesNotLoseTheSeries) {
  reopen();
  disk_.refuse_next_write();
  EXPECT_FALSE(write("Cel").has_value());
  EXPECT_TRUE(write("Cel").has_value());
  reopen();
  ASSERT_NE(find(), nullptr);
  EXPECT_EQ(find()->unit, "Cel");
  EXPECT_EQ(find()->last.value, model::Value{20.5});
}

TEST_F(SeriesDictionaryTest, AFullDiskDoesNotLoseAnotherUnit) {
  reopen();
  EXPECT_TRUE(write("Cel").has_value());
  disk_.refuse_next_write();
  EXPECT_FALSE(write("K").has_value());
  EXPECT_TRUE(write("K").has_value());
  reopen();
  ASSERT_NE(find(), nullptr);
  EXPECT_EQ(find()->unit, "K");
}

TEST_F(SeriesDictionaryTest, KeepsTheTagsOfDevices) {
  reopen();
  const auto set = [this](Tags tags) {
    Result<void> answer = fail(Errc::internal, "no answer");
    store_->set_tags({{kDefaultTenant, "truck_1", std::move(tags)}},
                     [&answer](Result<void> result) { answer = std::move(result); });
    scheduler_.run_ready();
    return answer;
  };
  EXPECT_EQ(store_->tags_of(kDefaultTenant, "truck_1"), nullptr);
  EXPECT_TRUE(set({{"fleet", "East"}, {"model", "H-2"}}));
  EXPECT_TRUE(set({{"fleet", "West"}}));
  const auto check = [this] {
    const Tags* tags = store_->tags_of(kDefaultTenant, "truck_1");
    ASSERT_NE(tags, nullptr);
    EXPECT_EQ(*tags, (Tags{{"fleet", "West"}}));
  };
  reopen();
  check();
  scheduler_.run_for(std::chrono::minutes{1});  // into the keyed store, and out of the log
  reopen();
  check();
  EXPECT_EQ(set({{"fleet", std::string(kMaxTagBytes + 1, 'x')}}).error().code, Errc::limit_exceeded);
  Tags many;
  for (std::size_t i = 0; i <= kMaxTags; ++i) many[std::to_string(i)] = "x";
  EXPECT_EQ(set(many).error().code, Errc::limit_exceeded);
  check();
}

TEST_F(SeriesDictionaryTest, AFullDiskDoesNotMakeTagsThatARestartForgets) {
  reopen();
  disk_.refuse_next_write();
  Result<void> answer;
  store_->set_tags({{kDefaultTenant, "truck_1", {{"fleet", "East"}}}},
                   [&answer](Result<void> result) { answer = std::move(result); });
  scheduler_.run_ready();
  EXPECT_EQ(answer.error().code, Errc::no_space);
  EXPECT_EQ(store_->tags_of(kDefaultTenant, "truck_1"), nullptr);
}

}  // namespace
}  // namespace dunlin::series
