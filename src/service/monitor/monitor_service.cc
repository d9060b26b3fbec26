#include "service/monitor/monitor_service.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "model/cursors.h"
#include "model/keys.h"
#include "service/monitor/limits.h"
#include "service/monitor/settings.h"
#include "service/settings/settings.h"
#include "store/keyed_scan.h"

namespace dunlin::monitor {
namespace {

constexpr std::string_view kConsumer = "monitor";
/// Its place in the log of samples stands beside those in journals, as that of a journal 0.
constexpr std::string_view kPlace = "monitor/samples";
constexpr std::string_view kStatePrefix = "monitor/state/";

std::string state_key(const std::string& monitor, std::string_view device) {
  std::string key = monitor;
  key += '\0';
  key += device;
  return key;
}

/// The parts of such a key: the zero byte is the first one behind the tenant's number.
std::string monitor_of(const std::string& key) {
  return key.substr(0, key.find('\0', sizeof(std::uint32_t)));
}
std::string device_of(const std::string& key) {
  const std::size_t end = key.find('\0', sizeof(std::uint32_t));
  return end == std::string::npos ? std::string() : key.substr(end + 1);
}

/// What a state was learned with: another monitor of the same name begins anew.
std::string learned_with(const Monitor& monitor) {
  return std::string(kind_name(monitor)) + '\n' + monitor.channel + '\n' + monitor.options_json;
}

}  // namespace

/// A batch of samples, or a look, on its way to the disk.
struct MonitorService::Round {
  int hops = 0;  // of the sample that is being judged
  std::vector<alarm::Finding> findings;
  alarm::AlarmService::Prepared prepared;
  enum class Phase : std::uint8_t { judged, prepared } phase = Phase::judged;
  store::Position through = 0;
  store::Batch batch;
  Task done;
  std::move_only_function<void(Result<void>)> flushed;  // of flush(): it is not tried again
};

MonitorService::MonitorService(MonitorEnvironment environment)
    : environment_(std::move(environment)),
      retry_(environment_.executor, environment_.metrics, kConsumer),
      judged_(environment_.metrics.counter("dunlin_monitor_samples_total", "Samples that a monitor judged")),
      raised_(environment_.metrics.counter("dunlin_monitor_alarms_total", "Alarms that monitors raised")),
      untold_(environment_.metrics.counter("dunlin_monitor_refused_total",
                                           "Samples of devices past the limit of those that are monitored")) {
  environment_.feed.expect(std::string(kConsumer));
}

MonitorService::~MonitorService() {
  environment_.executor.cancel(timer_);
}

void MonitorService::start(Done started) {
  load_monitors([this, started = std::move(started)](Result<void> loaded) mutable {
    if (!loaded) return started(std::move(loaded));
    load_states([this, started = std::move(started)](Result<void> known) mutable {
      if (!known) return started(std::move(known));
      model::read_cursors(environment_.executor, environment_.keyed, kPlace,
                          [this, started = std::move(started)](auto positions) mutable {
                            if (!positions) return started(std::unexpected(positions.error()));
                            leave_journals();
                            follow(*positions);
                            timer_ = environment_.executor.schedule(kLookInterval, [this] { look(); });
                            started({});
                          });
    });
  });
}

void MonitorService::load_monitors(Done done) {
  auto each = [this](const store::Document& document) -> Result<void> {
    auto monitor = settings::read_as(document, monitor_from_json);
    if (!monitor) {
      log::error("service/monitor", "a stored monitor cannot be read and does not run",
                 {{"monitor", document.id}, {"why", monitor.error().message}});
      return {};
    }
    const std::string key = model::tenant_key(kDefaultTenant, monitor->name);
    by_channel_.emplace(model::tenant_key(kDefaultTenant, monitor->channel), key);
    monitors_.insert_or_assign(key, *std::move(monitor));
    return {};
  };
  settings::for_each(environment_.executor, environment_.repository, kDefaultTenant,
                     std::string(kSettingPrefix), std::move(each), std::move(done));
}

void MonitorService::load_states(Done done) {
  const std::string prefix(kStatePrefix);
  auto each = [this](const store::Entry& entry) -> Result<void> {
    restore(entry);
    return {};
  };
  store::for_each_entry(environment_.executor, environment_.keyed, store::Table::meta,
                        {.begin = prefix, .end = model::prefix_end(prefix)}, std::move(each),
                        std::move(done));
}

// What cannot be read is learned anew: it is derived from what devices send.
void MonitorService::restore(const store::Entry& entry) {
  const std::string key = entry.key.substr(kStatePrefix.size());
  const auto monitor = monitors_.find(monitor_of(key));
  store::ByteReader in(entry.value);
  const std::string_view with = in.counted_text();
  if (monitor == monitors_.end() || with != learned_with(monitor->second)) return;
  auto state = Monitored::load(monitor->second, in.counted_text());
  if (!state || !in.at_end())
    return log::error("service/monitor", "what a monitor has learned cannot be read; it learns anew",
                      {{"monitor", monitor->second.name}, {"device", device_of(key)}});
  states_.emplace(key, *std::move(state));
}

/// Monitors once followed the journals under this name: those keep nothing for it any more.
void MonitorService::leave_journals() {
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.absent = hub::ConsumerOptions::Absent::now;
  environment_.bus.consume(environment_.executor, std::move(options), [](const auto&, Task done) { done(); })
      ->forget();
}

void MonitorService::follow(const std::vector<hub::JournalPosition>& from) {
  saved_at_ = environment_.executor.wall_now();
  series::FeedOptions options;
  options.name = kConsumer;
  if (!from.empty()) options.start = from.front().position;
  options.awake = [this] { return !monitors_.empty(); };
  options.wants = [this](const series::SeriesInfo& series) { return wants(series); };
  follower_ =
      environment_.feed.follow(std::move(options), [this](series::FeedBatch batch, Task done) mutable {
        when_free([this, batch = std::move(batch), done = std::move(done)]() mutable {
          take(batch, std::move(done));
        });
      });
  judged_to_ = follower_->passed();
  if (!from.empty()) saved_to_ = judged_to_;
}

bool MonitorService::wants(const series::SeriesInfo& series) const {
  const auto [begin, end] = by_channel_.equal_range(model::tenant_key(series.tenant, series.channel));
  return std::any_of(begin, end, [&](const auto& entry) {
    const Monitor& monitor = monitors_.at(entry.second);
    return monitor.state == Monitor::State::enabled &&
           (monitor.device.empty() || monitor.device == series.device);
  });
}

void MonitorService::take(const series::FeedBatch& batch, Task done) {
  busy_ = Busy::yes;
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  for (const series::StoredSample& sample : batch.samples) judge(sample, *round);
  judged_to_ = std::max(judged_to_, batch.through);
  save(std::move(round));
}

void MonitorService::judge(const series::StoredSample& sample, Round& round) {
  const series::SeriesInfo& series = *sample.series;
  if (sample.watch == model::Watch::muted) return;
  if (environment_.muted && environment_.muted(series.tenant, series.device)) return;
  round.hops = sample.hops;
  const auto [begin, end] = by_channel_.equal_range(model::tenant_key(series.tenant, series.channel));
  for (auto at = begin; at != end; ++at) judge(at->second, monitors_.at(at->second), sample, round);
}

void MonitorService::judge(const std::string& key, const Monitor& monitor, const series::StoredSample& sample,
                           Round& round) {
  const std::string& device = sample.series->device;
  const bool wanted =
      monitor.state == Monitor::State::enabled && (monitor.device.empty() || monitor.device == device);
  const auto number = model::number_of(sample.point.value);
  if (!wanted || !number) return;
  const std::string at = state_key(key, device);
  auto found = states_.find(at);
  if (found == states_.end()) {
    if (states_.size() >= kMaxMonitored) return untold_.add();
    found = states_.emplace(at, Monitored(monitor)).first;
  }
  judged_.add();
  changed_.insert(at);
  // A clock that is far ahead would make everything after it old.
  const WallTime now = environment_.executor.wall_now();
  const WallTime time = sample.point.time > now + kMaxAhead ? now : sample.point.time;
  if (const auto event = found->second.add(time, *number))
    find(monitor, sample.series->tenant, device, *event, round);
}

void MonitorService::find(const Monitor& monitor, TenantId tenant, const std::string& device,
                          const analytics::WatchEvent& event, Round& round) {
  using Kind = alarm::Finding::Kind;
  const bool begins = event.change == analytics::Change::raised;
  if (begins) raised_.add();
  round.findings.push_back(
      {.tenant = tenant,
       .name = monitor.name,
       .thing = device,
       .rule = "monitor " + monitor.name,
       .severity = monitor.severity,
       .message = reason(monitor, event).substr(0, alarm::kMaxMessageBytes),
       .at = event.time,
       .hops = round.hops,
       .kind = begins ? Kind::raise : Kind::clear,
       .source = alarm::Source::monitor,
       .device = {},
       .causes = {{alarm::Cause::Kind::sample, device + '/' + monitor.channel, {}, event.time, {}}}});
}

// Finds silence, and saves what the last seconds have taught.
void MonitorService::look() {
  timer_ = environment_.executor.schedule(kLookInterval, [this] { look(); });
  if (busy_ == Busy::yes) return;
  const WallTime now = environment_.executor.wall_now();
  busy_ = Busy::yes;
  auto round = std::make_shared<Round>();
  for (auto& [key, state] : states_) {
    const auto event = state.look(now);
    if (!event) continue;
    changed_.insert(key);
    find(monitors_.at(monitor_of(key)),
         TenantId{model::read_big_endian_32(key.substr(0, sizeof(std::uint32_t)))}, device_of(key), *event,
         *round);
  }
  save(std::move(round));
}

// Alarms, what has been learned, and the place in the log of samples are one write: after a crash the same
// samples find the same. What is learned without an alarm may be read again, so it is saved only now and
// then.
void MonitorService::save(RoundRef round) {
  const WallTime now = environment_.executor.wall_now();
  const bool due = !round->findings.empty() || !round->batch.empty() || now - saved_at_ >= kSaveInterval;
  if (!monitors_.empty()) judged_to_ = std::max(judged_to_, follower_->passed());
  const bool moved = !monitors_.empty() && (!saved_to_ || judged_to_ > *saved_to_);
  if (!due) return finish(*round);
  saved_at_ = now;
  if (round->findings.empty() && round->batch.empty() && changed_.empty() && !moved) return finish(*round);
  saved_to_ = round->through = judged_to_;
  round->prepared = environment_.alarms.prepare(round->findings);
  round->phase = Round::Phase::prepared;
  std::ranges::copy(round->prepared.puts, std::back_inserter(round->batch.puts));
  for (const std::string& key : std::exchange(changed_, {})) {
    store::ByteWriter out;
    const std::string with = learned_with(monitors_.at(monitor_of(key)));
    const std::string state = states_.at(key).save();
    out.counted_text(with);
    out.counted_text(state);
    round->batch.puts.push_back({store::Table::meta, std::string(kStatePrefix) + key, out.take()});
  }
  model::put_cursors(round->batch, kPlace, {{0, round->through}});
  write(std::move(round));
}

void MonitorService::write(RoundRef round) {
  auto written = [this, round](Result<void> result) {
    if (result) return finish(*round);
    if (round->flushed) {
      environment_.alarms.announce(round->prepared);
      saved_to_.reset();
      for (const store::Put& put : round->batch.puts) {
        if (put.key.starts_with(kStatePrefix)) changed_.insert(put.key.substr(kStatePrefix.size()));
      }
      busy_ = Busy::no;
      return round->flushed(std::move(result));
    }
    retry_.later("what monitors found is not stored", "store", result.error(),
                 [this, round] { write(round); });
  };
  environment_.keyed.write(environment_.executor, store::Batch(round->batch), std::move(written));
}

void MonitorService::finish(Round& round) {
  if (round.phase == Round::Phase::prepared) {
    environment_.alarms.announce(round.prepared);
    follower_->commit(round.through);
  }
  busy_ = Busy::no;
  if (round.done) round.done();
  if (round.flushed) round.flushed({});
  if (busy_ == Busy::yes || waiting_.empty()) return;
  Task next = std::move(waiting_.front());
  waiting_.pop_front();
  next();
}

void MonitorService::when_free(Task task) {
  if (busy_ == Busy::no) return task();
  waiting_.push_back(std::move(task));
}

// Nothing is lost by what is not saved: it is read again. So the end of the program waits for no second try.
void MonitorService::flush(Done flushed) {
  if (busy_ == Busy::yes) return flushed({});
  busy_ = Busy::yes;
  saved_at_ = {};
  auto round = std::make_shared<Round>();
  round->flushed = std::move(flushed);
  save(std::move(round));
}

void MonitorService::install(const std::string& key, std::optional<Monitor> monitor, Task done) {
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  const auto known = monitors_.find(key);
  // What was learned counts for the same kind, channel and options only; the others' alarms are nobody's.
  const bool same = known != monitors_.end() && monitor &&
                    learned_with(known->second) == learned_with(*monitor) &&
                    known->second.device == monitor->device && known->second.state == monitor->state;
  if (known != monitors_.end() && !same) forget(key, known->second, *round);
  if (known != monitors_.end()) {
    std::erase_if(by_channel_, [&key](const auto& entry) { return entry.second == key; });
    monitors_.erase(known);
  }
  if (monitor) {
    by_channel_.emplace(key.substr(0, sizeof(std::uint32_t)) + monitor->channel, key);
    monitors_.emplace(key, *std::move(monitor));
  }
  judged_to_ = std::max(judged_to_, follower_->passed());
  saved_at_ = {};  // what came before is not this monitor's, after a crash neither
  follower_->look_again();
  busy_ = Busy::yes;
  save(std::move(round));
}

void MonitorService::forget(const std::string& key, const Monitor& monitor, Round& round) {
  const std::string prefix = state_key(key, "");
  for (auto at = states_.lower_bound(prefix); at != states_.end() && at->first.starts_with(prefix);) {
    if (at->second.is_raised()) {
      const analytics::WatchEvent event{analytics::Change::cleared,
                                        kind_name(monitor),
                                        environment_.executor.wall_now(),
                                        environment_.executor.wall_now(),
                                        {}};
      find(monitor, TenantId{model::read_big_endian_32(key.substr(0, sizeof(std::uint32_t)))},
           at->first.substr(prefix.size()), event, round);
    }
    round.batch.deletes.push_back({store::Table::meta, std::string(kStatePrefix) + at->first});
    changed_.erase(at->first);
    at = states_.erase(at);
  }
}

}  // namespace dunlin::monitor
