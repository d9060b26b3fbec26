#pragma once
// For tests: stores in memory that survive a "restart", a link that records, and a hub of N shards in virtual
// time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/virtual_executor.h"
#include "hub/hub.h"

namespace dunlin::hub::testing {

/// What is on the "disk" of a journal.
struct JournalDisk {
  std::vector<store::Record> records;
  std::map<std::string, store::Position, std::less<>> cursors;
};

/// Commits everything 2 ms after the first record of a group; a failure can be ordered.
class MemoryLog final : public store::Log {
 public:
  MemoryLog(Executor& executor, JournalDisk& disk) : executor_(executor), disk_(disk) {}

  Result<store::Position> append(std::uint8_t kind, ByteView bytes) override {
    if (fail_next) return fail(*std::exchange(fail_next, std::nullopt), "ordered failure");
    open_.push_back({disk_.records.size() + open_.size() + 1, kind, Slice::copy_of(bytes)});
    if (open_.size() == 1) executor_.schedule(std::chrono::milliseconds{2}, [this] { commit(); });
    return open_.back().position;
  }
  void append(std::uint8_t kind, ByteView bytes, store::AppendDone done) override {
    executor_.post([done = std::move(done), answer = append(kind, bytes)]() mutable { done(answer); });
  }
  void on_answered(store::Answered answered) override { answered_ = std::move(answered); }
  store::Position committed() const override { return disk_.records.size(); }
  store::Position first() const override { return 1; }
  std::uint64_t size_bytes() const override { return disk_.records.size(); }
  Result<std::vector<store::Record>> read(store::Position after, std::size_t max_records,
                                          std::size_t) override {
    std::vector<store::Record> found;
    for (std::size_t i = after; i < disk_.records.size() && found.size() < max_records; ++i)
      found.push_back(disk_.records[i]);
    return found;
  }
  void set_cursor(std::string_view name, store::Position position) override {
    disk_.cursors[std::string(name)] = position;
  }
  Result<store::Position> cursor(std::string_view name) const override {
    const auto found = disk_.cursors.find(name);
    if (found == disk_.cursors.end()) return fail(Errc::not_found, "no such cursor");
    return found->second;
  }
  void remove_cursor(std::string_view name) override { disk_.cursors.erase(std::string(name)); }
  void flush(std::move_only_function<void(Result<void>)> done) override {
    commit();
    executor_.post([done = std::move(done)]() mutable { done({}); });
  }

  std::optional<Errc> fail_next;

 private:
  void commit() {
    if (open_.empty()) return;
    const auto group = std::exchange(open_, {});
    disk_.records.insert(disk_.records.end(), group.begin(), group.end());
    if (answered_) answered_(disk_.records.size(), {});
  }
  Executor& executor_;
  JournalDisk& disk_;
  std::vector<store::Record> open_;
  store::Answered answered_;
};

using KeyedDisk = std::map<store::Table, std::map<std::string, std::string>>;

/// Writes arrive 1 ms later.
class MemoryKeyed final : public store::Keyed {
 public:
  MemoryKeyed(Executor& disk_thread, KeyedDisk& disk) : thread_(disk_thread), disk_(disk) {}
  void get(Executor& reply_to, store::Table table, std::string key,
           std::move_only_function<void(Result<std::optional<std::string>>)> done) override {
    std::optional<std::string> value;
    if (const auto found = disk_[table].find(key); found != disk_[table].end()) value = found->second;
    reply_to.post([value, done = std::move(done)]() mutable { done(value); });
  }
  void write(Executor& reply_to, store::Batch batch,
             std::move_only_function<void(Result<void>)> done) override {
    ++writes_;
    thread_.schedule(std::chrono::milliseconds{1},
                     [this, &reply_to, batch = std::move(batch), done = std::move(done)]() mutable {
                       for (const auto& put : batch.puts) {
                         disk_[put.table][put.key] = put.value;
                         ++rows_written_[put.table];
                       }
                       for (const auto& gone : batch.deletes) disk_[gone.table].erase(gone.key);
                       reply_to.post([done = std::move(done)]() mutable { done({}); });
                     });
  }
  void range(Executor& reply_to, store::Table table, store::Range range,
             std::move_only_function<void(Result<std::vector<store::Entry>>)> done) override {
    std::vector<store::Entry> entries;
    const auto end = range.end.empty() ? disk_[table].end() : disk_[table].lower_bound(range.end);
    for (auto at = disk_[table].lower_bound(range.begin); at != end && entries.size() < 2; ++at) {
      entries.push_back({at->first, at->second});
    }
    reply_to.post([entries, done = std::move(done)]() mutable { done(entries); });
  }

  std::size_t writes() const { return writes_; }
  std::size_t rows_written(store::Table table) { return rows_written_[table]; }

 private:
  Executor& thread_;
  KeyedDisk& disk_;
  std::size_t writes_ = 0;
  std::map<store::Table, std::size_t> rows_written_;
};

inline PrincipalRef principal(const std::string& name, TenantId tenant = kDefaultTenant) {
  auto made = std::make_shared<Principal>();
  made->name = name;
  made->kind = PrincipalKind::device;
  made->tenant = tenant;
  return made;
}

inline Message message(std::string_view topic, std::string_view payload, QoS qos = QoS::at_most_once,
                       Message::Retain retain = Message::Retain::no) {
  Message made;
  made.topic = Slice::copy_of(topic);
  made.payload = Slice::copy_of(payload);
  made.qos = qos;
  made.retain = retain;
  return made;
}

/// Records what its session sends; acknowledges by itself when told to.
class RecordingLink final : public SessionLink {
 public:
  struct Got {
    std::string topic;
    std::string payload;
    QoS qos;
    Message::Retain retain;
    bool duplicate;
    std::uint16_t packet_id;
    std::vector<std::uint32_t> identifiers;
  };
  void deliver(const Outbound& publish, EncodingCache&) override {
    got.push_back({std::string(publish.message.topic.text()),
                   std::string(publish.message.payload.text()),
                   publish.qos,
                   publish.retain,
                   publish.duplicate == Outbound::Duplicate::yes,
                   publish.packet_id,
                   {publish.identifiers.begin(), publish.identifiers.end()}});
  }
  void release(std::uint16_t packet_id) override { released.push_back(packet_id); }
  bool can_take() const override { return takes; }
  void pause() override { paused = true; }
  void resume() override { paused = false; }
  void rest(Duration time) override { rested.push_back(time); }
  bool can_refuse() const override { return refusable; }
  void ended(EndReason reason, std::string_view) override {
    end_reason = reason;
    session = nullptr;
  }

  std::vector<std::string> payloads() const {
    std::vector<std::string> all;
    for (const Got& one : got) all.push_back(one.payload);
    return all;
  }
  std::vector<Got> got;
  std::vector<std::uint16_t> released;
  std::optional<EndReason> end_reason;
  bool takes = true;
  bool paused = false;
  bool refusable = false;
  std::vector<Duration> rested;
  Session* session = nullptr;
  std::optional<Present> present;
};

/// One life of the process; the disks live on in HubTest.
struct World {
  World(VirtualScheduler& scheduler, std::vector<JournalDisk>& journals, KeyedDisk& keyed_disk, Limits limits,
        bool durable, Authorizer authorize_will = {})
      : disk_thread(scheduler), keyed(disk_thread, keyed_disk) {
    HubEnvironment environment{
        .shards = {}, .keyed = durable ? &keyed : nullptr, .metrics = metrics, .rng = rng, .limits = limits};
    environment.authorize_will = std::move(authorize_will);
    for (JournalDisk& journal : journals) {
      executors.push_back(std::make_unique<VirtualExecutor>(scheduler));
      logs.push_back(std::make_unique<MemoryLog>(*executors.back(), journal));
      environment.shards.push_back({*executors.back(), durable ? logs.back().get() : nullptr});
    }
    hub = std::make_unique<Hub>(std::move(environment));
  }
  metrics::Registry metrics;
  SeededRng rng{7};
  std::unique_ptr<Hub> hub;
  std::vector<std::unique_ptr<MemoryLog>> logs;
  VirtualExecutor disk_thread;
  MemoryKeyed keyed;
  std::vector<std::unique_ptr<VirtualExecutor>>
      executors;  // die first, with the tasks that point into the hub
};

class HubTest : public ::testing::Test {
 protected:
  void boot(std::size_t shards, Limits limits = {}, bool durable = true) {
    world.reset();
    journals.resize(shards);
    world = std::make_unique<World>(scheduler, journals, keyed_disk, limits, durable, authorize_will);
    bool started = false;
    world->hub->start(*world->executors[0],
                      [&started](Result<void> result) { started = result.has_value(); });
    ASSERT_TRUE(scheduler.run_until([&] { return started; }, std::chrono::seconds{1}));
  }
  void crash_and_boot(std::size_t shards, Limits limits = {}) { boot(shards, limits); }
  Hub& hub() { return *world->hub; }
  void run(Duration time = std::chrono::milliseconds{20}) { scheduler.run_for(time); }

  OpenOptions options(const std::string& client_id) {
    OpenOptions made;
    made.client_id = client_id;
    made.principal = principal(client_id);
    made.protocol = "mqtt";
    return made;
  }
  OpenOptions lasting(const std::string& client_id) {
    OpenOptions made = options(client_id);
    made.expiry_seconds = 3600;
    made.start = OpenOptions::Start::resume;
    return made;
  }
  Result<Session*> try_open(RecordingLink& link, OpenOptions options) {
    const std::size_t home = hub().session_home(options.principal->tenant, options.client_id);
    Result<Session*> opened =
        hub().open(home, std::move(options), link, [&link](Present present) { link.present = present; });
    if (opened) link.session = *opened;
    return opened;
  }
  Session& open(RecordingLink& link, OpenOptions options) {
    Result<Session*> opened = try_open(link, std::move(options));
    EXPECT_TRUE(opened.has_value());
    run();
    EXPECT_TRUE(link.present.has_value());
    return **opened;
  }
  void subscribe(RecordingLink& link, const std::string& filter,
                 SubscriptionOptions options = {.qos = QoS::exactly_once},
                 SubscribeRequest::RetainHandling handling = SubscribeRequest::RetainHandling::send) {
    bool done = false;
    std::vector<SubscribeRequest> requests;
    requests.push_back({filter, options, handling});
    link.session->subscribe(std::move(requests),
                            [&done](const auto& results) { done = results.at(0).has_value(); });
    run();
    EXPECT_TRUE(done);
  }
  /// A client id whose home is the given shard.
  std::string client_on(std::size_t shard, const std::string& prefix = "c") {
    for (int i = 0;; ++i) {
      std::string id = prefix + std::to_string(i);
      if (hub().session_home(kDefaultTenant, id) == shard) return id;
    }
  }

  Authorizer authorize_will;  // of the next boot()
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  std::vector<JournalDisk> journals;
  KeyedDisk keyed_disk;
  std::unique_ptr<World> world;
};

}  // namespace dunlin::hub::testing
