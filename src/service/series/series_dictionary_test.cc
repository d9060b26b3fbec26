#include <gtest/gtest.h>

#include "base/virtual_executor.h"
#include "base/virtual_fs.h"
#include "service/series/series_store.h"
#include "store/reference_keyed.h"

namespace dunlin::series {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;

class SeriesDictionaryTest : public ::testing::Test {
 protected:
  void reopen() {
    store_.reset();
    keyed_.reset();
    auto keyed = store::open_reference_keyed(disk_, workers_, "keyed");
    ASSERT_TRUE(keyed.has_value());
    keyed_ = std::move(*keyed);
    store_ = std::make_unique<SeriesStore>(executor_, *keyed_, metrics_);
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

  VirtualFs disk_;
  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  VirtualExecutor executor_{scheduler_};
  VirtualWorkerPool workers_{executor_};
  metrics::Registry metrics_;
  std::unique_ptr<store::Keyed> keyed_;
  std::unique_ptr<SeriesStore> store_;
};

// Found by the simulator: the entry was in the refused batch only, and the retry did not write it again.
TEST_F(SeriesDictionaryTest, AFullDiskDoesNotLoseTheSeries) {
  reopen();
  disk_.set_capacity(kPlenty - *disk_.free_space("."));
  EXPECT_FALSE(write("Cel").has_value());
  disk_.set_capacity(kPlenty);
  EXPECT_TRUE(write("Cel").has_value());
  reopen();
  ASSERT_NE(find(), nullptr);
  EXPECT_EQ(find()->unit, "Cel");
  EXPECT_EQ(find()->last.value, model::Value{20.5});
}

TEST_F(SeriesDictionaryTest, AFullDiskDoesNotLoseAnotherUnit) {
  reopen();
  EXPECT_TRUE(write("Cel").has_value());
  disk_.set_capacity(kPlenty - *disk_.free_space("."));
  EXPECT_FALSE(write("K").has_value());
  disk_.set_capacity(kPlenty);
  EXPECT_TRUE(write("K").has_value());
  reopen();
  ASSERT_NE(find(), nullptr);
  EXPECT_EQ(find()->unit, "K");
}

}  // namespace
}  // namespace dunlin::series
