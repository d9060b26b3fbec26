#include "service/derived/derived_service.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/log.h"
#include "model/cursors.h"
#include "model/keys.h"
#include "service/derived/limits.h"
#include "service/derived/settings.h"
#include "service/settings/settings.h"
#include "store/keyed_scan.h"

namespace dunlin::derived {
namespace {

constexpr std::string_view kFollower = "derived";
/// Its place in the log of samples stands beside those in journals, as that of a journal 0.
constexpr std::string_view kPlace = "derived/samples";
constexpr std::string_view kStatePrefix = "derived/state/";
/// A tag of a device that has changed counts so much later.
constexpr Duration kTargetsKept = std::chrono::seconds{10};

/// The zero byte is the first one behind the tenant's number.
std::string state_key(const std::string& worker, std::string_view device) {
  std::string key = std::string(kStatePrefix) + worker;
  key += '\0';
  key += device;
  return key;
}

}  // namespace

/// A batch of samples, or a look, on its way to the disk.
struct DerivedService::Round {
  std::vector<model::Sample> results;
  store::Position through = 0;
  store::Batch batch;
  enum class Phase : std::uint8_t { computed, saved } phase = Phase::computed;
  enum class Save : std::uint8_t { when_due, now } when = Save::when_due;
  Task done;
  std::move_only_function<void(Result<void>)> flushed;  // of flush(): it is not tried again
};

DerivedService::DerivedService(DerivedEnvironment environment)
    : environment_(std::move(environment)),
      retry_(environment_.executor, environment_.metrics, kFollower),
      samples_(environment_.metrics.counter("dunlin_derived_samples_total",
                                            "Samples that derived channels were computed from")),
      results_(
          environment_.metrics.counter("dunlin_derived_results_total", "Samples of derived channels stored")),
      late_(environment_.metrics.gauge("dunlin_derived_late_samples",
                                       "Samples that came too late for their derived channel, since the "
                                       "start and of the definitions there are")),
      refused_(environment_.metrics.gauge("dunlin_derived_refused_samples",
                                          "Likewise ahead of our clock, of too many devices, or too many "
                                          "in a window")) {
  environment_.store.feed().expect(std::string(kFollower));
}

DerivedService::~DerivedService() {
  environment_.executor.cancel(timer_);
}

void DerivedService::start(Done started) {
  auto follow_on = [this, started = std::move(started)](Result<void> ready) mutable {
    if (!ready) return started(std::move(ready));
    model::read_cursors(environment_.executor, environment_.keyed, kPlace,
                        [this, started = std::move(started)](auto positions) mutable {
                          if (!positions) return started(std::unexpected(positions.error()));
                          follow(*positions);
                          timer_ = environment_.executor.schedule(kLookInterval, [this] { look(); });
                          started({});
                        });
  };
  load_definitions([this, follow_on = std::move(follow_on)](Result<void> loaded) mutable {
    if (!loaded) return follow_on(std::move(loaded));
    load_states([this, follow_on = std::move(follow_on)](Result<void> known) mutable {
      if (!known) return follow_on(std::move(known));
      load_tags(std::move(follow_on));
    });
  });
}

void DerivedService::load_definitions(Done done) {
  auto each = [this](const store::Document& document) -> Result<void> {
    auto read = settings::read_as(document, definition_from_json);
    if (!read) {
      log::error("service/derived", "a stored definition cannot be read and is not computed",
                 {{"definition", document.id}, {"why", read.error().message}});
      return {};
    }
    const std::string key = model::tenant_key(kDefaultTenant, read->name);
    workers_.insert_or_assign(
        key, make_worker(kDefaultTenant, std::make_shared<const Definition>(*std::move(read))));
    return {};
  };
  settings::for_each(environment_.executor, environment_.repository, kDefaultTenant,
                     std::string(kSettingPrefix), std::move(each), std::move(done));
}

void DerivedService::load_states(Done done) {
  const std::string prefix(kStatePrefix);
  auto each = [this](const store::Entry& entry) -> Result<void> {
    restore(entry);
    return {};
  };
  store::for_each_entry(environment_.executor, environment_.keyed, store::Table::meta,
                        {.begin = prefix, .end = model::prefix_end(prefix)}, std::move(each),
                        std::move(done));
}

// What cannot be read begins anew: it is known from what devices send.
void DerivedService::restore(const store::Entry& entry) {
  const std::string key = entry.key.substr(kStatePrefix.size());
  const std::size_t end = key.find('\0', sizeof(std::uint32_t));
  if (end == std::string::npos) return;
  const auto worker = workers_.find(key.substr(0, end));
  if (worker == workers_.end()) return;
  const std::string device = key.substr(end + 1);
  worker->second.saved.insert(device);
  store::ByteReader in(entry.value);
  if (in.counted_text() != made_with(*worker->second.definition)) return;
  const std::string_view state = in.counted_text();
  const bool read = in.at_end() && worker->second.derivation->restore(device, state).has_value();
  if (!read)
    log::error("service/derived", "what is known for a derived channel cannot be read; it begins anew",
               {{"definition", worker->second.definition->name}, {"device", device}});
}

void DerivedService::load_tags(Done done) {
  const bool wanted =
      std::ranges::any_of(workers_, [](const auto& entry) { return !entry.second.definition->tags.empty(); });
  if (!wanted || !environment_.load_tags) return done({});
  environment_.load_tags(kDefaultTenant, std::move(done));
}

DerivedService::Worker DerivedService::make_worker(TenantId tenant,
                                                   std::shared_ptr<const Definition> definition) {
  LastOf last = [this, tenant](std::string_view device, std::string_view channel) -> std::optional<Held> {
    const series::SeriesInfo* info = environment_.store.find(tenant, device, channel);
    if (info == nullptr) return std::nullopt;
    return held_of(info->last);
  };
  auto derivation = std::make_unique<Derivation>(definition, std::move(last));
  return {tenant, std::move(definition), std::move(derivation)};
}

void DerivedService::follow(const std::vector<hub::JournalPosition>& from) {
  saved_at_ = environment_.executor.wall_now();
  series::FeedOptions options;
  options.name = kFollower;
  if (!from.empty()) options.start = from.front().position;
  options.awake = [this] {
    return std::ranges::any_of(workers_, [](const auto& entry) {
      return entry.second.definition->state == Definition::State::enabled;
    });
  };
  options.wants = [this](const series::SeriesInfo& series) { return !targets_of(series).empty(); };
  follower_ = environment_.store.feed().follow(
      std::move(options), [this](series::FeedBatch batch, Task done) mutable {
        when_free([this, batch = std::move(batch), done = std::move(done)]() mutable {
          take(batch, std::move(done));
        });
      });
  computed_to_ = follower_->passed();
  if (!from.empty()) saved_to_ = computed_to_;
}

bool DerivedService::is_for(const Worker& worker, const std::string& device) const {
  const Definition& definition = *worker.definition;
  if (!model::fits_pattern(definition.devices, device)) return false;
  return definition.tags.empty() || model::has_tags(definition.tags, [&](std::string_view name) {
           return environment_.tag ? environment_.tag(worker.tenant, device, name) : std::nullopt;
         });
}

/// Of definitions of one channel for a device the first by name computes it.
bool DerivedService::computes(const Worker& worker, const std::string& device) const {
  if (worker.definition->state == Definition::State::disabled || !is_for(worker, device)) return false;
  return std::ranges::none_of(workers_, [&](const auto& entry) {
    const Worker& other = entry.second;
    return other.tenant == worker.tenant && other.definition->channel == worker.definition->channel &&
           other.definition->state == Definition::State::enabled &&
           other.definition->name < worker.definition->name && is_for(other, device);
  });
}

const std::vector<DerivedService::Target>& DerivedService::targets_of(const series::SeriesInfo& series) {
  const auto known = targets_.find(series.id.value);
  if (known != targets_.end()) return known->second;
  std::vector<Target> targets;
  for (auto& [key, worker] : workers_) {
    if (worker.tenant != series.tenant) continue;
    const auto& inputs = worker.definition->formula.inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].channel != series.channel) continue;
      const bool own = inputs[i].device.empty();
      const bool wanted =
          own ? computes(worker, series.device)
              : inputs[i].device == series.device && worker.definition->state == Definition::State::enabled;
      if (wanted) targets.push_back({&worker, i});
    }
  }
  return targets_.emplace(series.id.value, std::move(targets)).first->second;
}

void DerivedService::take(const series::FeedBatch& batch, Task done) {
  busy_ = Busy::yes;
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  const WallTime now = environment_.executor.wall_now();
  for (const series::StoredSample& sample : batch.samples) {
    for (const Target& target : targets_of(*sample.series)) {
      samples_.add();
      target.worker->derivation->add(sample.series->device, target.input, sample.point,
                                     {sample.hops, sample.watch}, now);
    }
  }
  computed_to_ = std::max(computed_to_, batch.through);
  collect(*round);
  write(std::move(round));
}

void DerivedService::look() {
  timer_ = environment_.executor.schedule(kLookInterval, [this] { look(); });
  if (busy_ == Busy::yes || workers_.empty()) return;
  busy_ = Busy::yes;
  const WallTime now = environment_.executor.wall_now();
  const bool tagged =
      std::ranges::any_of(workers_, [](const auto& entry) { return !entry.second.definition->tags.empty(); });
  if (tagged && now - targets_since_ >= kTargetsKept) {
    targets_since_ = now;
    targets_.clear();
    follower_->look_again();
  }
  Counts counts;
  for (auto& [key, worker] : workers_) {
    worker.derivation->look(now);
    const Counts of = worker.derivation->counts();
    counts.late += of.late;
    counts.refused += of.ahead + of.crowded + of.refused;
  }
  late_.set(static_cast<std::int64_t>(counts.late));
  refused_.set(static_cast<std::int64_t>(counts.refused));
  auto round = std::make_shared<Round>();
  collect(*round);
  write(std::move(round));
}

model::Sample DerivedService::sample_of(const Worker& worker, Derived result) const {
  model::Sample sample;
  sample.tenant = worker.tenant;
  sample.device = std::move(result.device);
  sample.channel = worker.definition->channel;
  sample.t_source = result.time;
  sample.t_server = environment_.executor.wall_now();
  sample.value = std::move(result.value);
  sample.unit = worker.definition->unit;
  sample.flags = model::kDerived;
  sample.hops = result.trace.hops;
  sample.watch = result.trace.watch;
  sample.origin.protocol = "derived";
  return sample;
}

void DerivedService::collect(Round& round) {
  for (auto& [key, worker] : workers_) {
    if (worker.derivation->waiting_results() == 0) continue;
    for (Derived& result : worker.derivation->take_results()) {
      ++worker.results;
      round.results.push_back(sample_of(worker, std::move(result)));
    }
  }
}

// Results are stored before what is known of devices is: after a crash the same samples give the same results
// again, which replace themselves.
void DerivedService::write(RoundRef round) {
  if (round->results.empty()) return save(std::move(round));
  const std::vector<model::Sample>& results = round->results;
  environment_.store.write(results, kFollower, {},
                           [this, round](Result<series::SeriesStore::Written> written) {
                             if (written) {
                               results_.add(static_cast<std::int64_t>(written->stored));
                               round->results.clear();
                               return save(round);
                             }
                             retry_.later("derived channels are not stored", "store", written.error(),
                                          [this, round] { write(round); });
                           });
}

void DerivedService::save(RoundRef round) {
  const WallTime now = environment_.executor.wall_now();
  if (!workers_.empty()) computed_to_ = std::max(computed_to_, follower_->passed());
  const bool due = round->when == Round::Save::now || now - saved_at_ >= kSaveInterval;
  if (!due) return finish(*round);
  saved_at_ = now;
  save_states(*round);
  const bool moved = !workers_.empty() && (!saved_to_ || computed_to_ > *saved_to_);
  if (round->batch.empty() && !moved) return finish(*round);
  saved_to_ = round->through = computed_to_;
  model::put_cursors(round->batch, kPlace, {{0, round->through}});
  put_state(round);
}

void DerivedService::save_states(Round& round) {
  for (auto& [key, worker] : workers_) {
    for (const std::string& device : worker.derivation->take_changed()) {
      store::ByteWriter out;
      const std::string with = made_with(*worker.definition);
      const std::string state = worker.derivation->save(device);
      out.counted_text(with);
      out.counted_text(state);
      round.batch.puts.push_back({store::Table::meta, state_key(key, device), out.take()});
      worker.saved.insert(device);
    }
  }
}

void DerivedService::put_state(const RoundRef& round) {
  environment_.keyed.write(environment_.executor, store::Batch(round->batch),
                           [this, round](Result<void> written) {
                             if (written) {
                               round->phase = Round::Phase::saved;
                               return finish(*round);
                             }
                             if (round->flushed) {
                               busy_ = Busy::no;
                               return round->flushed(std::move(written));
                             }
                             retry_.later("what derived channels know is not stored", "store",
                                          written.error(), [this, round] { put_state(round); });
                           });
}

void DerivedService::finish(Round& round) {
  if (round.phase == Round::Phase::saved) follower_->commit(round.through);
  busy_ = Busy::no;
  if (round.done) round.done();
  if (round.flushed) round.flushed({});
  if (busy_ == Busy::yes || waiting_.empty()) return;
  Task next = std::move(waiting_.front());
  waiting_.pop_front();
  next();
}

void DerivedService::when_free(Task task) {
  if (busy_ == Busy::no) return task();
  waiting_.push_back(std::move(task));
}

// Nothing is lost by what is not saved: it is computed again. So the end of the program waits for no second
// try.
void DerivedService::flush(Done flushed) {
  if (busy_ == Busy::yes || !follower_) return flushed({});
  busy_ = Busy::yes;
  auto round = std::make_shared<Round>();
  round->when = Round::Save::now;
  round->flushed = std::move(flushed);
  save(std::move(round));
}

/// Another definition, or none, under that key. It begins anew.
void DerivedService::install(const std::string& key, TenantId tenant,
                             std::shared_ptr<const Definition> definition, Task done) {
  busy_ = Busy::yes;
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  round->when = Round::Save::now;
  if (const auto known = workers_.find(key); known != workers_.end()) {
    for (const std::string& device : known->second.saved)
      round->batch.deletes.push_back({store::Table::meta, state_key(key, device)});
    workers_.erase(known);
  }
  if (definition) workers_.emplace(key, make_worker(tenant, std::move(definition)));
  targets_.clear();
  computed_to_ = std::max(computed_to_, follower_->passed());
  follower_->look_again();
  save(std::move(round));
}

}  // namespace dunlin::derived
