// Exactly once over power cuts: a QoS 2 publisher that comes and goes, the real journal on a disk that loses
// its power, and a service that stores what it gets together with its place; then the same for a subscriber.

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <set>

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
  Life(VirtualScheduler& scheduler, VirtualFs& fs, KeyedDisk& rows, Limits limits = {})
      : executor(std::make_unique<VirtualExecutor>(scheduler)), workers(*executor), keyed(*executor, rows) {
    store::LogOptions options;
    options.folder = "journal";
    options.segment_bytes = 4096;
    auto opened = store::open_log({fs, *executor, workers, metrics}, options);
    if (!opened) return;  // only without its syncs
    log = std::move(*opened);
    HubEnvironment environment{
        .shards = {}, .keyed = &keyed, .metrics = metrics, .rng = rng, .limits = limits};
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
        if (random_.below(20) == 0) lose_connection();
        if (random_.below(10) == 0) come_back();
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
    come_back();
    return true;
  }
  void come_back() {
    if (link_.session != nullptr) return;
    OpenOptions options;
    options.client_id = "p";
    options.principal = principal("p");
    options.start = OpenOptions::Start::resume;
    options.expiry_seconds = 1000;
    link_.session = *life_->hub->open(0, std::move(options), link_, [this](Present) { resume(); });
  }
  void lose_connection() {
    if (link_.session == nullptr) return;
    online_ = false;
    std::exchange(link_.session, nullptr)->close({"lost", Session::WillFate::publish, std::nullopt});
  }
  void power_cut() {
    online_ = false;
    link_.session = nullptr;
    consumer_.reset();
    life_.reset();
    fs_.cut_power(random_);
  }
  void resume() {
    const auto left = exchanges_;  // an answer that comes at once ends one
    for (const auto& [id, exchange] : left) exchange.received ? release(id) : publish(id);
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

/// A subscriber's own program with a disk that never fails: what MQTT demands of a receiver (MQTT 5.0 section
/// 4.3). Its answers go out in later steps, or never when the power fails before.
class Receiver final : public SessionLink {
 public:
  void deliver(const Outbound& publish, EncodingCache&) override {
    const int number = std::stoi(std::string(publish.message.payload.text()));
    if (publish.qos == QoS::at_least_once) {
      ++at_least_once[number];
      answers_.push_back([this, id = publish.packet_id] { session->acknowledged(id); });
      return;
    }
    if (unreleased_.insert(publish.packet_id).second) ++exactly_once[number];
    answers_.push_back([this, id = publish.packet_id] { session->received(id); });
  }
  void release(std::uint16_t packet_id) override {
    unreleased_.erase(packet_id);
    answers_.push_back([this, packet_id] { session->completed(packet_id); });
  }
  bool can_take() const override { return true; }
  void pause() override {}
  void resume() override {}
  void ended(EndReason, std::string_view) override { session = nullptr; }

  void answer(std::size_t at_most) {
    for (; at_most > 0 && !answers_.empty() && session != nullptr; --at_most) {
      const auto next = std::move(answers_.front());
      answers_.pop_front();
      next();
    }
  }
  void lose_connection() { answers_.clear(); }

  Session* session = nullptr;
  std::map<int, int> exactly_once;
  std::map<int, int> at_least_once;

 private:
  std::set<std::uint16_t> unreleased_;
  std::deque<std::function<void()>> answers_;
};

/// Publishers that repeat what was not acknowledged, and a subscriber whose session lasts; it comes and goes.
class Subscribed {
 public:
  /// With every other seed next to nothing of the queue is in memory.
  explicit Subscribed(std::uint64_t seed) : random_(seed) {
    if (seed % 2 == 0) limits_.queue_memory_messages = 2;
  }
  double spilled() const { return spilled_; }
  VirtualFs& fs() { return fs_; }

  /// Empty when every promise was kept.
  std::string run(int lives) {
    for (int i = 0; i < lives; ++i) {
      if (!start()) return "the hub does not start";
      for (std::uint64_t step = 0, steps = 5 + random_.below(60); step < steps; ++step) {
        if (random_.below(2) == 0) publish_new();
        if (random_.below(40) == 0) subscriber_leaves();
        if (random_.below(10) == 0) subscriber_comes();
        receiver_.answer(random_.below(4));
        scheduler_.run_for(std::chrono::microseconds{random_.below(3000)});
      }
      if (random_.below(4) == 0) scheduler_.run_for(kCheckpointInterval * 2);
      power_cut();
    }
    if (!start()) return "the hub does not start";
    subscriber_comes();
    for (int i = 0; i < 200; ++i) {
      receiver_.answer(100);
      scheduler_.run_for(std::chrono::milliseconds{100});
    }
    return verdict();
  }
  int sent() const { return next_number_ - 1; }
  ~Subscribed() { power_cut(); }

 private:
  struct Open {
    int number = 0;
    QoS qos = QoS::at_least_once;
    bool received = false;
  };

  std::string verdict() {
    for (int number = 1; number < next_number_; ++number) {
      const bool twice_is_wrong = number % 2 == 0;
      const int times = twice_is_wrong ? receiver_.exactly_once[number] : receiver_.at_least_once[number];
      if (times == 1 || (times > 1 && !twice_is_wrong)) continue;
      return "message " + std::to_string(number) + " arrived " + std::to_string(times) + " times";
    }
    return {};
  }
  bool start() {
    life_ = std::make_unique<Life>(scheduler_, fs_, rows_, limits_);
    if (life_->hub == nullptr) return false;
    bool started = false;
    life_->hub->start(*life_->executor, [&started](Result<void> result) { started = result.has_value(); });
    if (!scheduler_.run_until([&] { return started; }, std::chrono::seconds{5})) return false;
    publisher_.session = *life_->hub->open(0, options("p"), publisher_, [this](Present) {
      online_ = true;
      for (const auto& [id, open] : open_) open.received ? release(id) : publish(id);
    });
    if (subscribed_) return true;
    subscriber_comes();
    return scheduler_.run_until([&] { return subscribed_; }, std::chrono::seconds{5});
  }
  static OpenOptions options(const std::string& client) {
    OpenOptions made;
    made.client_id = client;
    made.principal = principal(client);
    made.start = OpenOptions::Start::resume;
    made.expiry_seconds = 100'000;
    made.receive_maximum = 7;
    return made;
  }
  void subscriber_comes() {
    if (receiver_.session != nullptr) return;
    receiver_.session = *life_->hub->open(0, options("s"), receiver_, [this](Present) {
      if (subscribed_) return;
      std::vector<SubscribeRequest> requests;
      requests.push_back({"a", {.qos = QoS::exactly_once}});
      receiver_.session->subscribe(std::move(requests), [this](const auto&) { subscribed_ = true; });
    });
  }
  void subscriber_leaves() {
    if (receiver_.session == nullptr) return;
    std::exchange(receiver_.session, nullptr)->close({"lost", Session::WillFate::publish, std::nullopt});
    receiver_.lose_connection();
  }
  void power_cut() {
    online_ = false;
    receiver_.session = nullptr;
    receiver_.lose_connection();
    spilled_ += life_->metrics.value("dunlin_hub_spilled_total");
    life_.reset();
    fs_.cut_power(random_);
  }
  void publish_new() {
    const auto id = static_cast<std::uint16_t>(1 + random_.below(12));
    if (!online_ || open_.contains(id)) return;
    const int number = next_number_++;
    open_[id] = {number, number % 2 == 0 ? QoS::exactly_once : QoS::at_least_once};
    publish(id);
  }
  void publish(std::uint16_t id) {
    const Open& open = open_[id];
    publisher_.session->publish(message("a", std::to_string(open.number), open.qos), id,
                                [this, id](Result<void> result) {
                                  if (!result) return;
                                  if (open_[id].qos == QoS::at_least_once) return void(open_.erase(id));
                                  open_[id].received = true;
                                  release(id);
                                });
  }
  void release(std::uint16_t id) {
    publisher_.session->release(id, [this, id](Result<void> result) {
      if (result || result.error().code == Errc::not_found) open_.erase(id);
    });
  }

  SeededRng random_;
  Limits limits_;
  double spilled_ = 0;
  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  VirtualFs fs_;
  KeyedDisk rows_;
  std::unique_ptr<Life> life_;
  RecordingLink publisher_;
  Receiver receiver_;
  bool online_ = false;
  bool subscribed_ = false;
  std::map<std::uint16_t, Open> open_;
  int next_number_ = 1;
};

TEST(PowerCut, ASubscriberGetsQos1AtLeastAndQos2ExactlyOnce) {
  int sent = 0;
  double spilled = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Subscribed world(seed);
    EXPECT_EQ(world.run(10), "") << "seed " << seed;
    sent += world.sent();
    spilled += world.spilled();
  }
  EXPECT_GT(sent, 2000);
  EXPECT_GT(spilled, 500);
}

TEST(PowerCut, ASubscriberSeesAForgottenSync) {
  int broken = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Subscribed world(seed);
    world.fs().set_sync_ignored(SyncIgnored::files);
    if (!world.run(10).empty()) ++broken;
  }
  EXPECT_GT(broken, 0);
}

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
