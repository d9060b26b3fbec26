// Queries on real threads: the same answers, while others write, while points become rollups and go, and an
// end when nobody waits any more.

#include "store/conformance/threads.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "base/virtual_executor.h"
#include "service/query/query_fixture.h"

namespace dunlin::query {
namespace {

/// Calls come from several threads.
class LockedKeyed final : public store::Keyed {
 public:
  void get(Executor& reply_to, store::Table table, std::string key,
           std::move_only_function<void(Result<std::optional<std::string>>)> done) override {
    const std::lock_guard lock(mutex_);
    keyed_.get(reply_to, table, std::move(key), std::move(done));
  }
  void write(Executor& reply_to, store::Batch batch,
             std::move_only_function<void(Result<void>)> done) override {
    const std::lock_guard lock(mutex_);
    keyed_.write(reply_to, std::move(batch), std::move(done));
  }
  void range(Executor& reply_to, store::Table table, store::Range range,
             std::move_only_function<void(Result<std::vector<store::Entry>>)> done) override {
    const std::lock_guard lock(mutex_);
    keyed_.range(reply_to, table, std::move(range), std::move(done));
  }
  Result<std::unique_ptr<store::EntryIterator>> iterator(store::Table table) override {
    const std::lock_guard lock(mutex_);
    return keyed_.iterator(table);
  }

 private:
  std::mutex mutex_;
  store::testing::FakeKeyed keyed_;
};

/// Runs what is posted to it on a thread of its own, until it goes.
class RunningExecutor {
 public:
  RunningExecutor() : thread_([this] { executor_.run_until([this] { return ends_.load(); }); }) {}
  ~RunningExecutor() {
    ends_ = true;
    executor_.post([] {});
    thread_.join();
  }
  RunningExecutor(const RunningExecutor&) = delete;
  RunningExecutor& operator=(const RunningExecutor&) = delete;
  Executor* executor() { return &executor_; }

 private:
  store::TestExecutor executor_;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

class QueryThreadsTest : public ::testing::Test {
 protected:
  static constexpr int kDevices = 60;
  static constexpr std::int64_t kStart = 1'700'000'000 - 1'700'000'000 % 7200;

  void SetUp() override {
    log_ = *store::open_log({fs_, home_, workers_, metrics_}, {.folder = "/samples"});
    store_ = std::make_unique<series::SeriesStore>(home_, keyed_, *log_, metrics_);
    wait([this](auto done) { store_->open(std::move(done)); });
    for (int device = 0; device < kDevices; ++device) {
      const std::string name = "truck_" + std::to_string(device);
      tags_.set(name, "fleet", device % 3 == 0 ? "North" : "South");
      for (const std::string channel : {"readings/velocity", "readings/fuel"}) fill(name, channel);
    }
    wait([this](auto done) { store_->write_points(std::exchange(points_, {}), std::move(done)); });
    wait([this](auto done) { store_->seal_all(std::move(done)); });
    alone_ = std::make_unique<QueryService>(home_, *store_, tags_, metrics_);
    std::vector<Executor*> all;
    for (RunningExecutor& thread : threads_) all.push_back(thread.executor());
    on_threads_ = std::make_unique<QueryService>(home_, *store_, tags_, more_metrics_, all);
  }

  void put(series::SeriesId id, std::int64_t seconds, double value) {
    points_.push_back({id, {WallTime{std::chrono::seconds{seconds}}, value}});
  }
  void fill(const std::string& device, const std::string& channel) {
    const series::SeriesId id = *store_->resolve(kDefaultTenant, device, channel, "");
    for (int i = 0; i < 300; ++i)
      put(id, kStart + i * 60, static_cast<double>((i * 7919 + static_cast<int>(device.size())) % 997) / 7);
  }

  template <class Begin>
  void wait(Begin begin) {
    auto end = std::make_shared<std::optional<Result<void>>>();
    begin([end](Result<void> result) { *end = std::move(result); });
    ASSERT_TRUE(home_.run_until([&end] { return end->has_value(); }));
    ASSERT_TRUE(end->value()) << end->value().error().message;
  }

  struct Running {
    QueryId id;
    std::shared_ptr<std::string> text = std::make_shared<std::string>();
    std::shared_ptr<std::optional<Result<QueryCost>>> end =
        std::make_shared<std::optional<Result<QueryCost>>>();
  };
  static Running start(QueryService& on, const std::string& sql) {
    Running running;
    RowSink sink;
    sink.columns = [](const auto&, const auto&) {};
    sink.rows = [text = running.text](const Batch& batch, const TextPool& texts) {
      for (std::size_t row = 0; row < batch.rows; ++row) add_csv_row(*text, batch, texts, row);
      return RowSink::Go::on;
    };
    running.id = on.start({kDefaultTenant, sql}, std::move(sink),
                          [end = running.end](Result<QueryCost> result) { *end = std::move(result); });
    return running;
  }
  std::string answer(QueryService& on, const std::string& sql) {
    const Running running = start(on, sql);
    EXPECT_TRUE(home_.run_until([&running] { return running.end->has_value(); })) << sql;
    EXPECT_TRUE(running.end->value()) << sql;
    return *running.text;
  }

  store::TestExecutor home_;
  VirtualWorkerPool workers_{home_};
  VirtualFs fs_;
  metrics::Registry metrics_;
  metrics::Registry more_metrics_;
  LockedKeyed keyed_;
  FakeTags tags_;
  std::unique_ptr<store::Log> log_;
  std::unique_ptr<series::SeriesStore> store_;
  std::vector<series::NewPoint> points_;
  std::unique_ptr<QueryService> alone_;
  std::unique_ptr<QueryService> on_threads_;
  std::array<RunningExecutor, 3> threads_;  // stop first
};

constexpr std::string_view kQueries[] = {
    "SELECT fleet, avg(velocity), sum(fuel), count(*) FROM readings WHERE velocity > 20 GROUP BY fleet",
    "SELECT device, time_bucket('10 minutes', time) AS t, avg(velocity) FROM readings GROUP BY device, t",
    "SELECT fleet, max(velocity), stddev(fuel), percentile(velocity, 0.9) FROM readings GROUP BY fleet",
    "SELECT fleet, avg(velocity), max(fuel) FROM readings GROUP BY fleet",
    "SELECT CASE WHEN velocity > 50 THEN 'fast' ELSE 'slow' END AS how, count(*), rate(fuel, time) FROM "
    "readings GROUP BY how",
    "SELECT channel, count(*), sum(value) FROM samples GROUP BY channel"};

TEST_F(QueryThreadsTest, AnswerAsOneDoes) {
  for (const std::string_view sql : kQueries) {
    const std::string expected = answer(*alone_, std::string(sql));
    EXPECT_NE(expected, "") << sql;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(*on_threads_, std::string(sql)), expected) << sql;
  }
}

TEST_F(QueryThreadsTest, SeveralQueriesAtOnceWhileOthersWrite) {
  std::vector<Running> running;
  for (std::size_t i = 0; i < kMaxQueriesPerTenant; ++i)
    running.push_back(start(*on_threads_, std::string(kQueries[i])));
  for (int i = 0; i < 20; ++i) {
    fill("new_" + std::to_string(i), "readings/velocity");
    wait([this](auto done) { store_->write_points(std::exchange(points_, {}), std::move(done)); });
    if (i % 5 == 4) wait([this](auto done) { store_->seal_all(std::move(done)); });
  }
  for (const Running& one : running) {
    ASSERT_TRUE(home_.run_until([&one] { return one.end->has_value(); }));
    EXPECT_TRUE(one.end->value());
  }
}

TEST_F(QueryThreadsTest, CancellingEndsAllOfThem) {
  for (int i = 0; i < 30; ++i) {
    const Running running = start(*on_threads_, std::string(kQueries[i % std::size(kQueries)]));
    home_.post([&] { on_threads_->cancel(running.id); });
    ASSERT_TRUE(home_.run_until([&running] { return running.end->has_value(); }));
  }
  EXPECT_EQ(on_threads_->running(), 0U);
  EXPECT_EQ(answer(*on_threads_, std::string(kQueries[0])), answer(*alone_, std::string(kQueries[0])));
}

/// Days of measurements of some devices that keep all of them, and of some whose days are deleted.
class RollupThreadsTest : public QueryThreadsTest {
 protected:
  static constexpr int kDays = 12;
  static constexpr int kPointsPerDay = 96;
  static constexpr std::int64_t kFirstDay = kStart - kStart % 86400;
  static constexpr std::string_view kHours =
      "SELECT device, time_bucket('1 hour', time) AS t, count(angle), sum(angle), min(angle), max(angle), "
      "first(angle, time), last(angle, time) FROM tilt WHERE device LIKE 'kept%' GROUP BY device, t ORDER BY "
      "device, t";
  static constexpr std::string_view kLeft = "SELECT count(angle) FROM tilt WHERE device LIKE 'gone%'";

  void SetUp() override {
    QueryThreadsTest::SetUp();
    for (const std::string device : {"kept_0", "kept_1", "kept_2", "gone_0", "gone_1"}) {
      ids_.push_back(*store_->resolve(kDefaultTenant, device, "tilt/angle", ""));
      for (int i = 0; i < kDays * kPointsPerDay; ++i)
        put(ids_.back(), kFirstDay + i * 86400 / kPointsPerDay, (i % 13) / 2.0);
    }
    wait([this](auto done) { store_->write_points(std::exchange(points_, {}), std::move(done)); });
    wait([this](auto done) { store_->seal_all(std::move(done)); });
  }
  static WallTime day(int number) { return WallTime{std::chrono::seconds{kFirstDay + number * 86400}}; }

  /// Of all but the last one the points of the days before go.
  std::vector<series::RollupOrder> orders(int days) const {
    std::vector<series::RollupOrder> made;
    for (const series::SeriesId id : ids_) {
      series::RollupOrder order;
      order.series = id;
      order.lengths.add(series::RollupLength::hour);
      order.lengths.add(series::RollupLength::day);
      if (id != ids_.back()) order.points_before = day(days);
      made.push_back(order);
    }
    return made;
  }
  std::vector<series::Deletion> deletions(int days) const {
    return {{ids_[3], day(days - 1), day(days)}, {ids_[4], day(days - 1), day(days)}};
  }

  std::vector<series::SeriesId> ids_;
};

TEST_F(RollupThreadsTest, AnswersStayWhilePointsBecomeRollupsAndGo) {
  const std::string hours = answer(*alone_, std::string(kHours));
  ASSERT_EQ(std::ranges::count(hours, '\n'), 3 * kDays * 24);
  std::uint64_t parts_by_rollup = 0;
  for (int days = 1; days < kDays; ++days) {
    int ends = 0;
    const auto ended = [&ends](const Result<void>& result) {
      EXPECT_TRUE(result);
      ++ends;
    };
    store_->roll_up(orders(days), ended);
    store_->erase(deletions(days), ended);
    while (ends < 2) {
      std::vector<Running> running;
      for (int i = 0; i < 2; ++i) running.push_back(start(*on_threads_, std::string(kHours)));
      const Running left = start(*on_threads_, std::string(kLeft));
      running.push_back(left);
      for (const Running& one : running) {
        ASSERT_TRUE(home_.run_until([&one] { return one.end->has_value(); }));
        ASSERT_TRUE(one.end->value()) << one.end->value().error().message;
        if (one.end != left.end) {
          EXPECT_EQ(*one.text, hours) << days;
        }
        parts_by_rollup += one.end->value()->parts_by_rollup;
      }
      EXPECT_LE(std::stoi(*left.text), 2 * kPointsPerDay * (kDays - days + 1));
      EXPECT_GE(std::stoi(*left.text), 2 * kPointsPerDay * (kDays - days));
    }
  }
  EXPECT_GT(parts_by_rollup, 0U);
  wait([this](auto done) { store_->roll_up(orders(kDays), std::move(done)); });
  for (QueryService* on : {alone_.get(), on_threads_.get()}) {
    EXPECT_EQ(answer(*on, std::string(kHours)), hours);
    EXPECT_EQ(answer(*on, std::string(kLeft)), std::to_string(2 * kPointsPerDay) + "\r\n");
  }
  EXPECT_EQ(store_->entry(ids_[0])->points, 0U);
  EXPECT_EQ(store_->entry(ids_[4])->points, static_cast<std::uint64_t>(kPointsPerDay));
}

}  // namespace
}  // namespace dunlin::query
