#include "load/series_cost.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <deque>
#include <future>
#include <limits>
#include <optional>
#include <span>

#include "base/cpu_time.h"
#include "base/memory_level.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "service/series/series_store.h"
#include "store/chunk/reference_walks.h"
#include "store/log.h"
#include "store/rocks/rocks_keyed.h"

namespace dunlin::load {
namespace {

using series::SeriesId;

const WallTime kBegin = from_unix_milliseconds(1'767'225'600'000);  // 2026
constexpr Duration kStep = std::chrono::minutes{1};
constexpr Duration kDay = std::chrono::hours{24};
constexpr Duration kHour = std::chrono::hours{1};
constexpr std::size_t kBatchesUnderWay = 4;
constexpr std::uint64_t kSeed = 20260101;
const std::string kChannel = "value";

std::string device_name(std::size_t i) {
  return "device-" + std::to_string(i);
}

Instant now() {
  return SystemClock().now();
}

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Duration process_cpu_time() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

CallTimes times_of(std::vector<double>& microseconds) {
  std::ranges::sort(microseconds);
  const auto at = [&](double share) {
    return microseconds[static_cast<std::size_t>(share * static_cast<double>(microseconds.size() - 1))];
  };
  return {at(0.5), at(0.99)};
}

/// The store with its thread, as a server has it.
class Machine {
 public:
  explicit Machine(std::string folder)
      : folder_(std::move(folder)), fs_(make_system_fs()), threads_(1), workers_(2) {}
  ~Machine() {
    threads_.stop();
    store_.reset();
    workers_.finish();
    keyed_.reset();
    workers_.finish();
    log_.reset();
  }

  Result<void> open() {
    DUNLIN_CHECK(fs_->create_folders(folder_ + "/samples"));
    DUNLIN_TRY(log_,
               store::open_log({*fs_, executor(), workers_, metrics_}, {.folder = folder_ + "/samples"}));
    DUNLIN_TRY(keyed_, store::open_rocks_keyed({*fs_, workers_, metrics_}, {.folder = folder_ + "/keyed"}));
    store_ = std::make_unique<series::SeriesStore>(executor(), *keyed_, *log_, metrics_);
    threads_.start();
    return wait<void>([this](auto done) { store_->open(std::move(done)); });
  }

  /// Runs `begin` on the executor and waits for its completion.
  template <class Answer, class Begin>
  Result<Answer> wait(Begin begin) {
    std::promise<Result<Answer>> finished;
    auto future = finished.get_future();
    executor().post([&] {
      begin(std::move_only_function<void(Result<Answer>)>(
          [&](Result<Answer> result) { finished.set_value(std::move(result)); }));
    });
    return future.get();
  }

  net::Reactor& executor() { return threads_.at(0); }
  series::SeriesStore& store() { return *store_; }
  Fs& fs() { return *fs_; }
  double counted(std::string_view name) const { return metrics_.value(name); }

  /// Of the tables alone: logs and journals keep their files at fixed sizes.
  Result<std::uint64_t> table_bytes() {
    std::uint64_t sum = 0;
    DUNLIN_TRY(const auto names, fs_->list(folder_ + "/keyed"));
    for (const std::string& name : names) {
      if (!name.ends_with(".sst")) continue;
      DUNLIN_TRY(const auto file, fs_->open(folder_ + "/keyed/" + name, OpenMode::read));
      DUNLIN_TRY(const std::uint64_t size, file->size());
      sum += size;
    }
    return sum;
  }

 private:
  std::string folder_;
  std::unique_ptr<Fs> fs_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_;
  net::ThreadWorkerPool workers_;
  std::unique_ptr<store::Log> log_;
  std::unique_ptr<store::Keyed> keyed_;
  std::unique_ptr<series::SeriesStore> store_;
};

/// Makes the points and hands them over, a few batches under way.
class Feeder {
 public:
  Feeder(Machine& machine, const SeriesBenchOptions& options)
      : machine_(machine), options_(options), rng_(kSeed) {
    walks_.reserve(options.series);
    for (std::size_t i = 0; i < options.series; ++i) walks_.emplace_back(i % store::kWalks, rng_);
  }

  Result<void> run(const std::function<void(const std::string&)>& progress) {
    DUNLIN_CHECK(resolve());
    std::vector<series::NewPoint> batch;
    for (std::size_t minute = 0; minute < options_.points; ++minute) {
      for (std::size_t i = 0; i < options_.series; ++i) {
        batch.push_back({ids_[i], {kBegin + minute * kStep, walks_[i].next()}});
        if (batch.size() == options_.batch) DUNLIN_CHECK(hand_over(std::exchange(batch, {})));
      }
      if (minute % 100 == 0)
        progress("points: " + std::to_string(minute * options_.series) + " of " +
                 std::to_string(options_.points * options_.series));
    }
    if (!batch.empty()) DUNLIN_CHECK(hand_over(std::move(batch)));
    while (!under_way_.empty()) DUNLIN_CHECK(take_one());
    return {};
  }

 private:
  Result<void> resolve() {
    return machine_.wait<void>([this](auto done) {
      for (std::size_t i = 0; i < options_.series; ++i) {
        const auto id = machine_.store().resolve(kDefaultTenant, device_name(i), kChannel, "");
        if (!id) return done(fail(Errc::limit_exceeded, "the store takes no more series"));
        ids_.push_back(*id);
      }
      done({});
    });
  }

  Result<void> hand_over(std::vector<series::NewPoint> points) {
    if (under_way_.size() == kBatchesUnderWay) DUNLIN_CHECK(take_one());
    auto& finished = under_way_.emplace_back();
    machine_.executor().post([this, &finished, points = std::move(points)]() mutable {
      machine_.store().write_points(
          std::move(points), [&finished](Result<void> result) { finished.set_value(std::move(result)); });
    });
    return {};
  }

  Result<void> take_one() {
    Result<void> result = under_way_.front().get_future().get();
    under_way_.pop_front();
    return result;
  }

  Machine& machine_;
  const SeriesBenchOptions& options_;
  SeededRng rng_;
  std::vector<store::Walk> walks_;
  std::vector<SeriesId> ids_;
  std::deque<std::promise<Result<void>>> under_way_;
};

Result<void> ingest(const SeriesBenchOptions& options, SeriesFigures& figures,
                    const std::function<void(const std::string&)>& progress) {
  Machine machine(options.folder);
  DUNLIN_CHECK(machine.open());
  const auto wall = now();
  const Duration process = process_cpu_time();
  const Duration own = thread_cpu_time();
  const auto since = [wall] { return seconds_of(now() - wall); };
  Feeder feeder(machine, options);
  DUNLIN_CHECK(feeder.run(progress));
  figures.acknowledged_seconds = since();
  progress("sealing");
  DUNLIN_CHECK(machine.wait<void>([&](auto done) { machine.store().seal_all(std::move(done)); }));
  figures.ingest_wall_seconds = since();
  figures.ingest_cpu_seconds = seconds_of(process_cpu_time() - process - (thread_cpu_time() - own));
  DUNLIN_CHECK(machine.wait<void>([&](auto done) { machine.store().flush(std::move(done)); }));
  figures.points = options.series * options.points;
  figures.chunks = static_cast<std::uint64_t>(machine.counted("dunlin_series_chunks_written_total"));
  return {};
}

/// Asks one question after another on the executor, and takes the time of each.
class Questions {
 public:
  using Ask = std::function<void(std::size_t series, std::move_only_function<void(Result<void>)>)>;
  Questions(std::size_t count, std::size_t series, Ask ask)
      : left_(count), series_(series), ask_(std::move(ask)) {}

  void run(std::move_only_function<void(Result<CallTimes>)> done) {
    done_ = std::move(done);
    next();
  }

 private:
  void next() {
    if (left_ == 0) return done_(times_of(times_));
    --left_;
    const auto begin = now();
    ask_(rng_.below(series_), [this, begin](Result<void> result) {
      if (!result) return done_(std::unexpected(result.error()));
      const Duration took = now() - begin;
      times_.push_back(static_cast<double>(took.count()) / 1000);
      next();
    });
  }

  std::size_t left_;
  std::size_t series_;
  Ask ask_;
  SeededRng rng_{kSeed};
  std::vector<double> times_;
  std::move_only_function<void(Result<CallTimes>)> done_;
};

Result<void> ask_one_by_one(Machine& machine, const SeriesBenchOptions& options, SeriesFigures& figures) {
  series::SeriesStore& store = machine.store();
  const auto measure = [&](std::size_t count, Questions::Ask ask) {
    Questions questions(count, options.series, std::move(ask));
    return machine.wait<CallTimes>([&](auto done) { questions.run(std::move(done)); });
  };
  std::vector<std::string> names;
  for (std::size_t i = 0; i < options.series; ++i) names.push_back(device_name(i));
  const auto id_of = [&](std::size_t i) { return store.find(kDefaultTenant, names[i], kChannel)->id; };
  const std::size_t in_a_day = std::min<std::size_t>(options.points, kDay / kStep);
  // Deep stacks: the answers of this one come at once.
  DUNLIN_TRY(figures.last_value,
             measure(std::min<std::size_t>(options.questions, 2000), [&](std::size_t i, auto done) {
               const series::SeriesInfo* info = store.find(kDefaultTenant, names[i], kChannel);
               if (info == nullptr || info->last.time == WallTime{})
                 return done(fail(Errc::internal, "no last value"));
               done({});
             }));
  const auto day = [&](std::size_t i, auto done) {
    store.points(id_of(i), kDefaultTenant, kBegin, kBegin + kDay, 1'000'000,
                 [in_a_day, done = std::move(done)](Result<std::vector<series::Point>> points) mutable {
                   if (!points) return done(std::unexpected(points.error()));
                   if (points->size() != in_a_day) return done(fail(Errc::internal, "a day has lost points"));
                   done({});
                 });
  };
  DUNLIN_TRY(const CallTimes warm, measure(options.questions, day));
  (void)warm;
  DUNLIN_TRY(figures.day, measure(options.questions, day));
  DUNLIN_TRY(figures.day_hours, measure(options.questions, [&](std::size_t i, auto done) {
               store.downsampled(
                   id_of(i), kDefaultTenant, kBegin, kBegin + kDay, 24,
                   [done = std::move(done)](Result<std::vector<series::Bucket>> buckets) mutable {
                     if (!buckets) return done(std::unexpected(buckets.error()));
                     done({});
                   });
             }));
  return {};
}

/// Four sums side by side: one alone waits for each of its additions.
double sum_of(std::span<const double> numbers) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= numbers.size(); i += sums.size())
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += numbers[i + lane];
  double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (; i < numbers.size(); ++i) sum += numbers[i];
  return sum;
}

/// Means of every hour of every series.
Result<void> ask_for_all(Machine& machine, const SeriesBenchOptions& options, SeriesFigures& figures) {
  series::ScanSet set{
      kDefaultTenant, {}, WallTime::min(), WallTime::max(), std::numeric_limits<std::size_t>::max()};
  for (const series::SeriesInfo* info : machine.store().list(kDefaultTenant, ""))
    set.series.push_back(info->id);
  std::ranges::sort(set.series, {}, &SeriesId::value);
  struct Hours {
    std::vector<double> means;
    std::int64_t hour = std::numeric_limits<std::int64_t>::min();
    double sum = 0;
    std::uint64_t count = 0;
    std::uint64_t points = 0;
    void end() {
      if (count > 0) means.push_back(sum / static_cast<double>(count));
      points += count;
      sum = 0;
      count = 0;
    }
  } hours;
  series::ScanVisitor visitor;
  visitor.series = [&hours](SeriesId) {
    hours.end();
    hours.hour = std::numeric_limits<std::int64_t>::min();
  };
  visitor.block = [&hours](const series::Block& block) {
    const auto* numbers = std::get_if<std::vector<double>>(&block.columns.values);
    if (numbers == nullptr) return series::ScanGo::on;
    const std::vector<std::int64_t>& times = block.columns.times;
    for (std::size_t i = block.begin; i < block.end;) {
      const std::int64_t hour = times[i] / kHour.count();
      if (hour != hours.hour) hours.end();
      hours.hour = hour;
      const std::int64_t next = (hour + 1) * kHour.count();
      const auto end = times.begin() + static_cast<std::ptrdiff_t>(block.end);
      const auto stop = static_cast<std::size_t>(
          std::lower_bound(times.begin() + static_cast<std::ptrdiff_t>(i), end, next) - times.begin());
      hours.sum += sum_of(std::span(*numbers).subspan(i, stop - i));
      hours.count += stop - i;
      i = stop;
    }
    return series::ScanGo::on;
  };
  const Duration begin = process_cpu_time();
  const auto scanned = machine.wait<void>(
      [&](auto done) { machine.store().scan(std::move(set), std::move(visitor), std::move(done)); });
  figures.fleet_hours_seconds = seconds_of(process_cpu_time() - begin);
  DUNLIN_CHECK(scanned);
  hours.end();
  if (hours.points != options.series * options.points)
    return fail(Errc::internal, "the hours have lost points");
  figures.fleet_hours = hours.means.size();
  return {};
}

}  // namespace

Result<SeriesFigures> run_series_bench(const SeriesBenchOptions& options,
                                       const std::function<void(const std::string&)>& progress) {
  const auto fs = make_system_fs();
  if (fs->exists(options.folder)) return fail(Errc::conflict, options.folder + " is there already");
  SeriesFigures figures;
  DUNLIN_CHECK(ingest(options, figures, progress));
  progress("starting again");
  const auto begin = now();
  Machine machine(options.folder);
  DUNLIN_CHECK(machine.open());
  figures.start_seconds = seconds_of(now() - begin);
  DUNLIN_TRY(figures.table_bytes, machine.table_bytes());
  progress("questions");
  DUNLIN_CHECK(ask_one_by_one(machine, options, figures));
  DUNLIN_CHECK(ask_for_all(machine, options, figures));
  DUNLIN_TRY(figures.resident_bytes, resident_bytes(machine.fs()));
  return figures;
}

}  // namespace dunlin::load
