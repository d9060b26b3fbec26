// Exactly once over power cuts: a QoS 2 publisher, the real journal on a disk that loses its power, and a
// service that stores what it gets together with its place.

#include <gtest/gtest.h>

#include "base/virtual_fs.h"
#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using testing::KeyedDisk;
using testing::MemoryKeyed;
using testing::message;
using testing::principal;
using testing::RecordingLink;

/// The server's process between two power cuts.
struct Life {
  Life(VirtualScheduler& scheduler, VirtualFs& fs, KeyedDisk& rows)
      : executor(std::make_unique<VirtualExecutor>(scheduler)), workers(*executor), keyed(*executor, rows) {
    store::LogOptions options;
    options.folder = "journal";
    options.segment_bytes = 4096;
    auto opened = store::open_log({fs, *executor, workers, metrics}, options);
    if (!opened) return;  // only without its syncs
    log = std::move(*opened);
    HubEnvironment environment{.shards = {}, .keyed = &keyed, .metrics = metrics, .rng = rng};
    environment.shards.push_back({*executor, log.get()});
    hub = std::make_unique<Hub>(std::move(environment));
  }
  ~Life() {
    hub.reset();
    log.reset();
    executor.reset();  // with the tasks that never ran
  }
  metrics::Registry metrics;
  SystemRng rng;
  std::unique_ptr<VirtualExecutor> executor;
  VirtualWorkerPool workers;
  MemoryKeyed keyed;
  std::unique_ptr<store::Log> log;
  std::unique_ptr<Hub> hub;
};

class ExactlyOnce {
 public:
  explicit ExactlyOnce(std::uint64_t seed) : random_(seed) {}
  VirtualFs& fs() { return fs_; }

  /// Empty when every promise was kept.
  std::string run(int lives) {
    for (int i = 0; i < lives; ++i) {
      if (!start()) return "the hub does not start";
      for (std::uint64_t step = 0, steps = 3 + random_.below(40); step < steps; ++step) {
        if (random_.below(3) != 0) publish_new();
        scheduler_.run_for(std::chrono::microseconds{random_.below(4000)});
      }
      if (random_.below(4) == 0) scheduler_.run_for(kCheckpointInterval * 2);
      power_cut();
    }
    if (!start()) return "the hub does not start";
    scheduler_.run_for(std::chrono::seconds{20});
    for (int number = 1; number < next_number_; ++number) {
      const auto times = std::ranges::count(stored_, std::to_string(number));
      if (times != 1)
        return "message " + std::to_string(number) + " arrived " + std::to_string(times) + " times";
    }
    power_cut();
    return {};
  }
  int sent() const { return next_number_ - 1; }

 private:
  struct Exchange {
    int number = 0;
    bool received = false;
  };

  bool start() {
    life_ = std::make_unique<Life>(scheduler_, fs_, rows_);
    if (life_->hub == nullptr) return false;
    bool started = false;
    life_->hub->start(*life_->executor, [&started](Result<void> result) { started = result.has_value(); });
    if (!scheduler_.run_until([&] { return started; }, std::chrono::seconds{5})) return false;
    ConsumerOptions wish;
    wish.name = "store";
    wish.filters = {"a"};
    wish.start = {place_};
    consumer_ = life_->hub->consume(*life_->executor, wish, [this](std::vector<Delivery> batch, Task done) {
      for (const Delivery& delivery : batch) stored_.emplace_back(delivery.message.payload.text());
      place_ = batch.back().at;
      consumer_->commit(place_);
      done();
    });
    OpenOptions options;
    options.client_id = "p";
    options.principal = principal("p");
    options.start = OpenOptions::Start::resume;
    options.expiry_seconds = 1000;
    link_.session = *life_->hub->open(0, std::move(options), link_, [this](Present) { resume(); });
    return true;
  }
  void power_cut() {
    online_ = false;
    consumer_.reset();
    life_.reset();
    fs_.cut_power(random_);
  }
  void resume() {
    for (const auto& [id, exchange] : exchanges_) exchange.received ? release(id) : publish(id);
    online_ = true;
  }
  void publish_new() {
    const auto id = static_cast<std::uint16_t>(1 + random_.below(12));
    if (!online_ || exchanges_.contains(id)) return;
    exchanges_[id] = {next_number_++, false};
    publish(id);
  }
  void publish(std::uint16_t id) {
    link_.session->publish(message("a", std::to_string(exchanges_[id].number), QoS::exactly_once), id,
                           [this, id](Result<void> result) {
                             if (!result) return;
                             exchanges_[id].received = true;
                             release(id);
                           });
  }
  void release(std::uint16_t id) {
    link_.session->release(id, [this, id](Result<void> result) {
      if (result || result.error().code == Errc::not_found) exchanges_.erase(id);
    });
  }

  SeededRng random_;
  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  VirtualFs fs_;
  KeyedDisk rows_;
  std::unique_ptr<Life> life_;
  std::unique_ptr<Consumer> consumer_;
  RecordingLink link_;
  bool online_ = false;
  // What the client and the service have on disks of their own.
  std::map<std::uint16_t, Exchange> exchanges_;
  int next_number_ = 1;
  std::vector<std::string> stored_;
  JournalPosition place_;
};

TEST(PowerCut, Qos2IsExactlyOnce) {
  int sent = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ExactlyOnce world(seed);
    EXPECT_EQ(world.run(12), "") << "seed " << seed;
    sent += world.sent();
  }
  EXPECT_GT(sent, 1000);
}

TEST(PowerCut, TheTestSeesAForgottenSync) {
  int broken = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    ExactlyOnce world(seed);
    world.fs().set_sync_ignored(SyncIgnored::files);
    if (!world.run(12).empty()) ++broken;
  }
  EXPECT_GT(broken, 0);
}

}  // namespace
}  // namespace dunlin::hub
