#include "service/series/sample_feed.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "service/series/sealer.h"

namespace dunlin::series {

struct Follower::State {
  FeedOptions options;
  FeedHandler handler;
  SampleFeed* feed = nullptr;  // null: one of the two has ended
  enum class Work : std::uint8_t { idle, due, handling } work = Work::idle;
  store::Position next = 0;           // read, or passed over, up to here
  store::Position passed = 0;         // likewise, and handled
  store::Position handed_out = 0;     // of the last batch
  store::Position committed = 0;      // by the follower
  std::vector<StoredSample> ready{};  // up to `next`, from ready_at on
  std::size_t ready_at = 0;
  enum class Wish : std::uint8_t { unknown, no, yes };
  std::vector<Wish> wishes{};  // by number of the series
  Instant told_log_at{};
  TimerId retry{};

  bool is_durable() const { return options.kind == FeedOptions::Kind::durable; }
  bool is_awake() const { return !options.awake || options.awake(); }
};

std::string feed_cursor(std::string_view name) {
  return "follow/" + std::string(name);
}

Follower::~Follower() {
  if (state_->feed == nullptr) return;
  state_->feed->executor_.cancel(state_->retry);
  std::erase(state_->feed->followers_, state_);
  state_->feed = nullptr;
}

void Follower::commit(store::Position through) {
  state_->committed = std::max(state_->committed, through);
  if (state_->feed != nullptr) state_->feed->tell_log(*state_);
}

store::Position Follower::passed() const {
  return state_->passed;
}

void Follower::look_again() {
  state_->wishes.clear();
  if (state_->feed != nullptr) state_->feed->pump_soon(state_);
}

SampleFeed::SampleFeed(Executor& executor, store::Log& log, const Dictionary& dictionary,
                       metrics::Registry& metrics)
    : executor_(executor),
      log_(log),
      dictionary_(dictionary),
      told_(
          metrics.counter("dunlin_series_feed_samples_total", "Stored samples that a follower was told of")),
      skipped_(metrics.counter("dunlin_series_feed_skipped_total",
                               "Records that a page which was too far behind was not told of")),
      failures_(metrics.counter("dunlin_series_feed_failures_total",
                                "Failures to read the log of samples for a follower")) {}

SampleFeed::~SampleFeed() {
  for (const auto& state : followers_) {
    executor_.cancel(state->retry);
    state->feed = nullptr;
  }
}

store::Position SampleFeed::oldest_expected(store::Position otherwise) const {
  for (const std::string& name : expected_)
    otherwise = std::min(otherwise, log_.cursor(feed_cursor(name)).value_or(otherwise));
  return otherwise;
}

std::unique_ptr<Follower> SampleFeed::follow(FeedOptions options, FeedHandler handler) {
  auto state = std::make_shared<Follower::State>();
  state->options = std::move(options);
  state->handler = std::move(handler);
  state->feed = this;
  // What the log has let go of concerned nobody.
  const store::Position first = log_.first();
  const store::Position known = log_.cursor(feed_cursor(state->options.name)).value_or(stored_);
  state->next = std::clamp(state->options.start.value_or(known), first > 0 ? first - 1 : 0,
                           std::max(stored_, first > 0 ? first - 1 : 0));
  if (!state->is_durable()) state->next = stored_;
  state->passed = state->handed_out = state->committed = state->next;
  if (state->is_durable()) {
    // Cursors of followers alone would let the log go of what is not sealed.
    if (!log_.cursor(kSealedCursor)) log_.set_cursor(kSealedCursor, 0);
    log_.set_cursor(feed_cursor(state->options.name), state->next);
  }
  followers_.push_back(state);
  pump_soon(state);
  return std::make_unique<Follower>(std::move(state));
}

void SampleFeed::stored(store::Position through) {
  stored_ = std::max(stored_, through);
  for (const auto& state : followers_) {
    if (state->work != Follower::State::Work::idle) continue;
    if (state->is_awake()) {
      pump_soon(state);
    } else {
      skip(*state);
    }
  }
}

/// Nobody asks for what comes: it costs nothing.
void SampleFeed::skip(Follower::State& state) {
  state.next = state.passed = stored_;
  state.ready.clear();
  state.ready_at = 0;
  tell_log(state);
}

void SampleFeed::pump_soon(const std::shared_ptr<Follower::State>& state) {
  if (state->work != Follower::State::Work::idle) return;
  state->work = Follower::State::Work::due;
  executor_.post([state] {
    if (state->feed == nullptr) return;
    state->work = Follower::State::Work::idle;
    state->feed->pump(state);
  });
}

void SampleFeed::pump_later(const std::shared_ptr<Follower::State>& state) {
  state->work = Follower::State::Work::due;
  state->retry = executor_.schedule(kFeedRetry, [state] {
    if (state->feed == nullptr) return;
    state->work = Follower::State::Work::idle;
    state->feed->pump(state);
  });
}

void SampleFeed::pump(const std::shared_ptr<Follower::State>& state) {
  if (!state->is_awake()) return skip(*state);
  if (!state->is_durable() && stored_ - state->next > kMaxFeedLag) {
    skipped_.add(static_cast<std::int64_t>(stored_ - state->next));
    return skip(*state);
  }
  if (state->ready.empty()) {
    if (const auto got = read(*state); !got) {
      failures_.add();
      log::refusal("service/series", "the log of samples cannot be read for a follower", state->options.name,
                   {{"why", got.error().message}});
      return pump_later(state);
    }
  }
  if (!state->ready.empty()) return hand_out(state);
  state->passed = state->next;
  tell_log(*state);
  if (state->next < stored_) pump_soon(state);
}

/// Records up to the first that holds something, or as many as a turn may read.
Result<void> SampleFeed::read(Follower::State& state) {
  if (state.next >= stored_) return {};
  DUNLIN_TRY(const auto records, log_.read(state.next, kFeedRecords, kFeedBytes));
  for (const store::Record& record : records) {
    if (record.position > stored_ || state.ready.size() >= kMaxFeedBatch) break;
    DUNLIN_CHECK(take(state, record));
    state.next = record.position;
  }
  return {};
}

Result<void> SampleFeed::take(Follower::State& state, const store::Record& record) {
  DUNLIN_TRY(SampleRecord decoded, decode_sample_record(record.bytes.text()));
  auto note = decoded.notes.begin();
  for (std::uint32_t i = 0; i < decoded.points.size(); ++i) {
    while (note != decoded.notes.end() && note->point < i) ++note;
    NewPoint& one = decoded.points[i];
    const SeriesEntry* entry = dictionary_.at(one.series);
    if (entry == nullptr || !wants(state, entry->info)) continue;
    StoredSample& sample = state.ready.emplace_back(StoredSample{&entry->info, std::move(one.point)});
    if (note == decoded.notes.end() || note->point != i) continue;
    sample.hops = note->hops;
    sample.watch = note->watch;
  }
  return {};
}

bool SampleFeed::wants(Follower::State& state, const SeriesInfo& series) {
  using Wish = Follower::State::Wish;
  if (!state.options.wants) return true;
  if (series.id.value >= state.wishes.size())
    state.wishes.resize(std::max<std::size_t>(series.id.value + 1, dictionary_.end_of_numbers()));
  Wish& wish = state.wishes[series.id.value];
  if (wish == Wish::unknown) wish = state.options.wants(series) ? Wish::yes : Wish::no;
  return wish == Wish::yes;
}

void SampleFeed::hand_out(const std::shared_ptr<Follower::State>& state) {
  FeedBatch batch;
  const std::size_t count = std::min(kMaxFeedBatch, state->ready.size() - state->ready_at);
  const auto begin = state->ready.begin() + static_cast<std::ptrdiff_t>(state->ready_at);
  batch.samples.assign(std::make_move_iterator(begin),
                       std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count)));
  state->ready_at += count;
  const bool is_last = state->ready_at == state->ready.size();
  if (is_last) {
    state->ready.clear();
    state->ready_at = 0;
  }
  // A record's samples may be several batches: only with the last of them it was told.
  batch.through = is_last ? state->next : state->passed;
  state->handed_out = batch.through;
  state->work = Follower::State::Work::handling;
  told_.add(static_cast<std::int64_t>(count));
  Task done = [state, through = batch.through] {
    state->passed = std::max(state->passed, through);
    state->work = Follower::State::Work::idle;
    if (state->feed == nullptr) return;
    state->feed->tell_log(*state);
    const bool more = !state->ready.empty() || state->next < state->feed->stored_;
    if (more) state->feed->pump_soon(state);
  };
  state->handler(std::move(batch), std::move(done));
}

/// While nothing that was told waits for its commit, the log may let go of all that was passed.
void SampleFeed::tell_log(Follower::State& state) {
  if (!state.is_durable()) return;
  const bool waits = state.committed < state.handed_out;
  const store::Position through = waits ? state.committed : std::max(state.committed, state.passed);
  const Instant now = executor_.now();
  const bool due = now - state.told_log_at >= kFeedCursorInterval;
  if (!due || through <= log_.cursor(feed_cursor(state.options.name)).value_or(0)) return;
  state.told_log_at = now;
  log_.set_cursor(feed_cursor(state.options.name), through);
}

}  // namespace dunlin::series
