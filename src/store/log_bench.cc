// Durable appends to the machine's disk. The figure to compare is the CPU time of the whole process per
// record (cpu_us_per_record); records_per_second is wall-clock and includes the waiting for the disk.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/metrics.h"
#include "store/log.h"

namespace {

using namespace dunlin;
using namespace dunlin::store;

/// A queue of tasks, run by one thread: as executor (the caller's thread) and as worker pool.
class TaskQueue {
 public:
  void push(Task task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }
  /// Waits for tasks and runs them; false once closed.
  bool run() {
    std::deque<Task> tasks;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
      if (tasks_.empty()) return false;
      tasks.swap(tasks_);
    }
    for (Task& task : tasks) task();
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
  bool closed_ = false;
};

class BenchExecutor final : public Executor {
 public:
  void post(Task task) override { queue.push(std::move(task)); }
  TimerId schedule(Duration, Task) override { return TimerId{1}; }  // upkeep is not measured
  void cancel(TimerId) override {}
  Instant now() const override { return clock_.now(); }
  WallTime wall_now() const override { return clock_.wall_now(); }
  bool is_current() const override { return true; }
  TaskQueue queue;

 private:
  SystemClock clock_;
};

class BenchWorkers final : public WorkerPool {
 public:
  BenchWorkers()
      : thread_([this] {
          while (queue_.run()) {
          }
        }) {}
  ~BenchWorkers() override {
    queue_.close();
    thread_.join();
  }
  void run(Task work) override { queue_.push(std::move(work)); }

 private:
  TaskQueue queue_;
  std::thread thread_;
};

double process_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string bench_folder() {
  const char* given = std::getenv("DUNLIN_BENCH_FOLDER");
  return given != nullptr ? given : (std::filesystem::temp_directory_path() / "dunlin_log_bench").string();
}

/// One iteration is a turn of the loop that appends `range(1)` records of `range(0)` bytes.
void append_durably(benchmark::State& state) {
  const auto fs = make_system_fs();
  BenchExecutor executor;
  BenchWorkers workers;
  metrics::Registry metrics;
  const std::string folder = bench_folder();
  static_cast<void>(fs->remove_all(folder));
  auto log =
      open_log({*fs, executor, workers, metrics}, {.folder = folder, .max_bytes = 64ULL << 30}).value();
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  std::uint64_t answered = 0;
  std::uint64_t appended = 0;
  log->on_answered([&answered](Position last, const Result<void>& result) { answered = result ? last : 0; });
  const double cpu = process_cpu_seconds();
  for ([[maybe_unused]] auto _ : state) {
    for (std::int64_t i = 0; i < state.range(1); ++i) {
      static_cast<void>(log->append(1, as_bytes(payload)));
    }
    appended += static_cast<std::uint64_t>(state.range(1));
    // What a broker's receive window does: at most so many records are under way.
    while (appended - answered > 100'000) executor.queue.run();
  }
  while (answered < appended) executor.queue.run();
  const auto records = static_cast<double>(answered);
  state.counters["cpu_us_per_record"] = (process_cpu_seconds() - cpu) / records * 1e6;
  state.counters["records_per_second"] = benchmark::Counter(records, benchmark::Counter::kIsRate);
  state.counters["records_per_commit"] = records / metrics.value("dunlin_store_log_commits_total");
  log.reset();
  static_cast<void>(fs->remove_all(folder));
}
BENCHMARK(append_durably)
    ->Args({32, 1})
    ->Args({32, 1000})
    ->Args({100, 1000})
    ->Args({1000, 1000})
    ->UseRealTime()
    ->MeasureProcessCPUTime();

/// Opening a journal of a million messages.
void open_million(benchmark::State& state) {
  const auto fs = make_system_fs();
  BenchExecutor executor;
  BenchWorkers workers;
  metrics::Registry metrics;
  const std::string folder = bench_folder();
  static_cast<void>(fs->remove_all(folder));
  const LogOptions options{.folder = folder};
  auto log = open_log({*fs, executor, workers, metrics}, options).value();
  constexpr std::uint64_t kRecords = 1'000'000;
  const std::string payload(100, 'x');
  std::uint64_t answered = 0;
  log->on_answered([&answered](Position last, const Result<void>&) { answered = last; });
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    static_cast<void>(log->append(1, as_bytes(payload)));
    while (i + 1 - answered > 50'000) executor.queue.run();
  }
  while (answered < kRecords) executor.queue.run();
  log.reset();
  for ([[maybe_unused]] auto _ : state) {
    log = open_log({*fs, executor, workers, metrics}, options).value();
    if (log->committed() != kRecords) state.SkipWithError("records are missing");
    log.reset();
  }
  static_cast<void>(fs->remove_all(folder));
}
BENCHMARK(open_million)->Unit(benchmark::kMillisecond);

}  // namespace
