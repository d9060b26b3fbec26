#include "service/series/scan.h"

#include <algorithm>
#include <utility>

namespace dunlin::series {

Scan::Scan(Executor& executor, Executor& asker, store::Keyed& keyed, const Dictionary& dictionary,
           ScanSet set, ScanVisitor visitor, std::move_only_function<void(Result<void>)> done)
    : executor_(executor),
      asker_(asker),
      keyed_(keyed),
      dictionary_(dictionary),
      set_(std::move(set)),
      visitor_(std::move(visitor)),
      done_(std::move(done)) {}

void Scan::start() {
  read_group();
}

void Scan::end(Result<void> result) {
  group_.clear();
  done_(std::move(result));
}

/// The dictionary's thread. Of most groups one read answers all.
void Scan::read_group() {
  group_.clear();
  parts_.clear();
  at_ = 0;
  std::vector<store::Range> ranges;
  group_.reserve(std::min(kSeriesPerRead, set_.series.size() - next_));
  for (; next_ < set_.series.size() && group_.size() < kSeriesPerRead; ++next_) {
    const SeriesEntry* series = dictionary_.at(set_.series[next_]);
    if (series == nullptr || series->info.tenant != set_.tenant)
      return group_read(fail(Errc::not_found, "there is no such series"));
    group_.emplace_back(*series, set_);
    if (group_.back().has_chunks()) ranges.push_back(group_.back().chunks());
  }
  const std::size_t most = set_.series.size() == 1 ? kBytesPerPage : kBytesPerSeries;
  for (store::Range& range : ranges) range.max_bytes = most;
  if (ranges.empty()) return group_read({});
  keyed_.ranges(asker_, store::Table::series, std::move(ranges),
                [self = shared_from_this()](Result<std::vector<store::RangePart>> parts) {
                  self->take_parts(std::move(parts));
                });
}

/// What needed no reading. One who asks on this thread is told within the call.
void Scan::group_read(Result<std::vector<store::RangePart>> parts) {
  if (&asker_ == &executor_) return take_parts(std::move(parts));
  asker_.post([self = shared_from_this(), parts = std::move(parts)]() mutable {
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
      const auto go = reader.take(std::move(part.entries), visitor_, told_);
      if (!go) return end(std::unexpected(go.error()));
      if (*go == ScanGo::stop) return end({});
      if (part.end == store::RangePart::End::cut) return read_on(reader.next_key());
    }
    const auto go = reader.finish(visitor_, told_);
    if (!go) return end(std::unexpected(go.error()));
    if (*go == ScanGo::stop) return end({});
  }
  if (next_ == set_.series.size()) return end({});
  executor_.post([self = shared_from_this()] { self->read_group(); });
}

/// The rest of the series that was cut.
void Scan::read_on(std::string begin) {
  store::Range range = group_[at_].chunks();
  if (!begin.empty()) range.begin = std::move(begin);
  range.max_bytes = kBytesPerPage;
  keyed_.ranges(asker_, store::Table::series, {std::move(range)},
                [self = shared_from_this()](Result<std::vector<store::RangePart>> parts) {
                  if (!parts) return self->end(std::unexpected(parts.error()));
                  self->parts_.push_back(std::move(parts->front()));
                  self->tell_group();
                });
}

}  // namespace dunlin::series
