#include "service/series/scan.h"

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "service/series/rolled_scan.h"
#include "service/series/series_pages.h"

namespace dunlin::series {

Scan::Scan(Parts parts, ScanSet set, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done)
    : parts_of_(std::move(parts)),
      set_(std::move(set)),
      visitor_(std::move(visitor)),
      done_(std::move(done)) {}

Scan::~Scan() {
  leave_gate();
}

void Scan::start() {
  read_group();
}

/// The asker's thread.
void Scan::end(Result<void> result) {
  group_.clear();
  leave_gate();
  done_(std::move(result));
}

/// Whether it matters that points become rollups meanwhile.
bool Scan::enters_gate() const {
  return visitor_.part || set_.gone == ScanSet::Gone::refuse;
}

void Scan::leave_gate() {
  for (const SeriesId id : std::exchange(gated_, {})) parts_of_.gate->end_read(id);
}

/// The dictionary's thread.
void Scan::read_group() {
  group_.clear();
  parts_.clear();
  at_ = 0;
  leave_gate();
  group_.reserve(std::min(kSeriesPerRead, set_.series.size() - next_));
  while (next_ < set_.series.size() && group_.size() < kSeriesPerRead) {
    const auto added = add_next();
    if (!added) return group_read(std::unexpected(added.error()));
    if (*added == Next::added) continue;
    if (!group_.empty()) break;
    if (*added == Next::rolled) return read_rolled(*parts_of_.dictionary.at(set_.series[next_++]));
    parts_of_.executor.schedule(kGateRetry, [self = shared_from_this()] { self->read_group(); });
    return;
  }
  if (!asks_elsewhere()) return ask_for_group();
  parts_of_.asker.post([self = shared_from_this()] { self->read_here(); });
}

/// The asker's thread.
void Scan::read_here() {
  const auto told = tell_here();
  if (!told) return end(std::unexpected(told.error()));
  switch (*told) {
    case Told::all:
      return end_group();
    case Told::enough:
      return end({});
    case Told::nothing:
      return ask_for_group();
    case Told::page:  // others have their turn, and the store
      return parts_of_.asker.post([self = shared_from_this()] { self->read_here(); });
  }
}

Result<Scan::Told> Scan::tell_here() {
  DUNLIN_TRY(const auto chunks, parts_of_.keyed.iterator(store::Table::series));
  if (chunks == nullptr) return Told::nothing;
  for (; at_ < group_.size(); ++at_) {
    DUNLIN_TRY(const Told told, tell_page(*chunks, group_[at_]));
    if (told != Told::all) return told;
  }
  return Told::all;
}

/// The next ones of a series: all of it, mostly.
Result<Scan::Told> Scan::tell_page(store::EntryIterator& chunks, SeriesReader& reader) {
  reader.begin(visitor_);
  if (reader.has_chunks()) {
    const store::Range range = reader.chunks();
    DUNLIN_TRY(auto chunk, chunks.seek(std::max(range.begin, reader.next_key())));
    for (std::size_t bytes = 0; chunk && chunk->key < range.end;) {
      bytes += chunk->value.size();
      DUNLIN_TRY(const ScanGo go, reader.take(chunk->key, chunk->value, visitor_, told_));
      if (go == ScanGo::stop) return Told::enough;
      if (bytes > kBytesPerPage) return Told::page;
      DUNLIN_TRY(chunk, chunks.next());
    }
  }
  DUNLIN_TRY(const ScanGo go, reader.finish(visitor_, told_));
  return go == ScanGo::stop ? Told::enough : Told::all;
}

/// Of most groups one read answers all.
void Scan::ask_for_group() {
  std::vector<store::Range> ranges;
  for (const SeriesReader& reader : group_)
    if (reader.has_chunks()) ranges.push_back(reader.chunks());
  const std::size_t most = set_.series.size() == 1 ? kBytesPerPage : kBytesPerSeries;
  for (store::Range& range : ranges) range.max_bytes = most;
  if (ranges.empty()) return group_read({});
  parts_of_.keyed.ranges(parts_of_.asker, store::Table::series, std::move(ranges),
                         [self = shared_from_this()](Result<std::vector<store::RangePart>> parts) {
                           self->take_parts(std::move(parts));
                         });
}

/// Errors: not_found, unsupported.
Result<Scan::Next> Scan::add_next() {
  const SeriesEntry* series = parts_of_.dictionary.at(set_.series[next_]);
  if (series == nullptr || series->info.tenant != set_.tenant)
    return fail(Errc::not_found, "there is no such series");
  const RollupState& rollups = series->rollups;
  if (enters_gate()) {
    if (parts_of_.gate->is_changing(series->info.id)) return Next::later;
    if (visitor_.part && rollups.has_any()) return Next::rolled;
    if (!visitor_.part && set_.from < rollups.points_from && rollups.begin() < set_.to)
      return fail(Errc::unsupported,
                  "the points before " + format_rfc3339(rollups.points_from) +
                      " are gone, and this cannot be told of what is left of them: ask for later times, or "
                      "for count, sum, avg, min, max, first, last, stddev or variance of one channel");
    gated_.push_back(series->info.id);
    parts_of_.gate->begin_read(series->info.id);
  }
  group_.emplace_back(*series, set_);
  ++next_;
  return Next::added;
}

void Scan::read_rolled(const SeriesEntry& series) {
  gated_.push_back(series.info.id);
  parts_of_.gate->begin_read(series.info.id);
  std::make_shared<RolledScan>(RolledScan::Environment{parts_of_.executor, parts_of_.asker, parts_of_.keyed},
                               series, set_, visitor_, told_,
                               [self = shared_from_this()](Result<ScanGo> go) {
                                 if (!go) return self->end(std::unexpected(go.error()));
                                 if (*go == ScanGo::stop) return self->end({});
                                 self->end_group();
                               })
      ->start();
}

/// What needed no reading. One who asks on this thread is told within the call.
void Scan::group_read(Result<std::vector<store::RangePart>> parts) {
  if (&parts_of_.asker == &parts_of_.executor) return take_parts(std::move(parts));
  parts_of_.asker.post([self = shared_from_this(), parts = std::move(parts)]() mutable {
    self->take_parts(std::move(parts));
  });
}

void Scan::take_parts(Result<std::vector<store::RangePart>> parts) {
  if (!parts) return end(std::unexpected(parts.error()));
  parts_ = *std::move(parts);
  std::ranges::reverse(parts_);  // the next one is the last
  tell_group();
}

void Scan::tell_group() {
  for (; at_ < group_.size(); ++at_) {
    SeriesReader& reader = group_[at_];
    reader.begin(visitor_);
    if (reader.has_chunks()) {
      store::RangePart part = std::move(parts_.back());
      parts_.pop_back();
      const auto go = reader.take(part.entries, visitor_, told_);
      if (!go) return end(std::unexpected(go.error()));
      if (*go == ScanGo::stop) return end({});
      if (part.end == store::RangePart::End::cut) return read_on();
    }
    const auto go = reader.finish(visitor_, told_);
    if (!go) return end(std::unexpected(go.error()));
    if (*go == ScanGo::stop) return end({});
  }
  end_group();
}

void Scan::end_group() {
  if (next_ == set_.series.size()) return end({});
  parts_of_.executor.post([self = shared_from_this()] { self->read_group(); });
}

/// The rest of the series that was cut.
void Scan::read_on() {
  SeriesReader& reader = group_[at_];
  tell_pages({parts_of_.asker, parts_of_.keyed, reader, visitor_, told_}, reader.next_key(),
             [self = shared_from_this()](Result<ScanGo> go) {
               if (!go) return self->end(std::unexpected(go.error()));
               if (*go == ScanGo::stop) return self->end({});
               ++self->at_;
               self->tell_group();
             });
}

}  // namespace dunlin::series
