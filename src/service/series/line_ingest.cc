#include "service/series/line_ingest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "service/series/line_values.h"

namespace dunlin::series {
namespace {

using line_protocol::Line;
using line_protocol::LineError;
using line_protocol::Text;

std::string in_words(const LineError& error) {
  return "line " + std::to_string(error.line) + ", column " + std::to_string(error.column) + ": " +
         std::string(error.why);
}

}  // namespace

struct LineIngest::Work {
  explicit Work(LineWrite what) : request(std::move(what)), decoder(request.lines) {}

  LineWrite request;
  line_protocol::Decoder decoder;
  WallTime arrived{};
  std::vector<NewPoint> points;
  std::map<std::string, Tags> tags;  // of devices whose lines come with others than before
  std::vector<LineSource> fresh;
  LineReport report;
  std::move_only_function<void(Result<LineReport>)> done;

  void refuse(const LineError& error) {
    ++report.refused;
    if (report.errors.size() < kMaxToldLineErrors) report.errors.push_back(in_words(error));
  }
  std::vector<DeviceTags> take_tags() {
    std::vector<DeviceTags> all;
    for (auto& [device, of] : tags) all.push_back({request.tenant, device, std::move(of)});
    return all;
  }
};

LineIngest::LineIngest(Executor& executor, SeriesStore& store, metrics::Registry& metrics,
                       LineOptions options)
    : executor_(executor),
      store_(store),
      keys_(std::move(options)),
      stored_(metrics.counter("dunlin_series_samples_stored_total", "Samples stored")),
      refused_(metrics.counter("dunlin_series_lines_refused_total",
                               "Lines of the line protocol that held no measurement")),
      key_bytes_(metrics.gauge("dunlin_series_line_key_bytes",
                               "What is remembered of the line protocol's measurements and tags")) {}

void LineIngest::write(LineWrite request, std::move_only_function<void(Result<LineReport>)> done) {
  if (waiting_bytes_ + request.lines.size() > kMaxWaitingLineBytes)
    return done(fail(Errc::unavailable, "too much waits for the disk; try again later"));
  waiting_bytes_ += request.lines.size();
  keys_.make_room();
  auto work = std::make_shared<Work>(std::move(request));
  work->arrived = executor_.wall_now();
  work->done = std::move(done);
  const auto lines = static_cast<std::size_t>(std::ranges::count(work->request.lines, '\n')) + 1;
  work->points.reserve(std::min(lines, kMaxPointsPerLineWrite));
  read_on(std::move(work));
}

/// Others on this thread have their turn between parts of a long request.
void LineIngest::read_on(std::shared_ptr<Work> work) {
  for (std::size_t i = 0; i < kLinesPerTurn; ++i) {
    const auto line = work->decoder.next();
    if (!line) return end_reading(std::move(work));
    if (*line) {
      take(*work, **line);
    } else {
      work->refuse(line->error());
    }
    if (work->points.size() > kMaxPointsPerLineWrite)
      return give_up(*work, {Errc::limit_exceeded, "a request has at most 200000 values: send it in parts"});
  }
  executor_.post([this, work = std::move(work)]() mutable { read_on(std::move(work)); });
}

void LineIngest::end_reading(std::shared_ptr<Work> work) {
  refused_.add(static_cast<std::int64_t>(work->report.refused));
  key_bytes_.set(static_cast<std::int64_t>(keys_.bytes()));
  if (work->points.empty()) {
    waiting_bytes_ -= work->request.lines.size();
    return work->done(std::move(work->report));
  }
  store(std::move(work));
}

void LineIngest::give_up(Work& work, Error why) {
  waiting_bytes_ -= work.request.lines.size();
  keys_.forget();  // what is new has not been told of
  work.done(std::unexpected(std::move(why)));
}

/// A line is taken as a whole or not at all.
void LineIngest::take(Work& work, const Line& line) {
  const auto found = keys_.find(work.request.tenant, line.key);
  if (!found) return work.refuse(error_at(line, found.error().place, found.error().why));
  LineSource& source = **found;
  std::int64_t time = unix_nanoseconds(work.arrived);
  if (line.time && __builtin_mul_overflow(*line.time, work.request.tick, &time))
    return work.refuse(error_at(line, line.bytes, "the time is not within the years 1678 to 2261"));
  if (const auto why = find_targets(source, line); !why.empty())
    return work.refuse(error_at(line, line.fields[targets_.size()].key.raw, why));
  const std::size_t before = work.points.size();
  for (std::size_t i = 0; i < line.fields.size(); ++i) {
    LineSource::Target& target = source.targets[targets_[i]];
    if (!resolve(work.request.tenant, source, target)) {
      work.points.resize(before);
      return work.refuse(error_at(line, line.fields[i].key.raw,
                                  "there are 1,000,000 series already: no further one is made"));
    }
    work.points.push_back(
        {target.series, {from_unix_nanoseconds(time), value_of_line(line.fields[i].value)}});
  }
  if (*source.speaker != &source) announce(work, source);
}

/// Sets targets_. Why a field cannot be taken: the one behind the targets that were found.
std::string_view LineIngest::find_targets(LineSource& source, const Line& line) {
  targets_.clear();
  for (std::size_t i = 0; i < line.fields.size(); ++i) {
    const auto* text = std::get_if<Text>(&line.fields[i].value);
    if (text != nullptr && text->raw.size() > kMaxTextValueBytes) return "a text is longer than 1024 bytes";
    const auto target = keys_.target(source, i, line.fields[i].key);
    if (!target) return target.error();
    targets_.push_back(*target);
  }
  return {};
}

bool LineIngest::resolve(TenantId tenant, const LineSource& source, LineSource::Target& target) {
  if (target.series && store_.find(target.series) != nullptr) return true;
  const auto series = store_.resolve(tenant, source.device, target.channel, {});
  if (series) target.series = *series;
  return series.has_value();
}

/// A device has the tags that its measurements came with last.
void LineIngest::announce(Work& work, LineSource& source) {
  *source.speaker = &source;
  work.fresh.push_back(source);
  auto [at, is_new] = work.tags.try_emplace(source.device);
  if (const Tags* known = store_.tags_of(work.request.tenant, source.device); is_new && known != nullptr)
    at->second = *known;
  for (const auto& [name, value] : source.tags) {
    if (at->second.size() < kMaxTags || at->second.contains(name)) at->second[name] = value;
  }
}

void LineIngest::store(std::shared_ptr<Work> work) {
  store_.set_tags(work->take_tags(), [this, work](Result<void> tagged) {
    if (!tagged) return give_up(*work, std::move(tagged).error());
    work->report.stored = work->points.size();
    store_.write_points(std::move(work->points), [this, work](Result<void> written) {
      if (!written) return give_up(*work, std::move(written).error());
      waiting_bytes_ -= work->request.lines.size();
      stored_.add(static_cast<std::int64_t>(work->report.stored));
      finish(*work);
    });
  });
}

void LineIngest::finish(Work& work) {
  for (const LineSource& source : work.fresh) {
    for (const auto& handler : source_handlers_) handler(work.request.tenant, source);
  }
  work.done(std::move(work.report));
}

}  // namespace dunlin::series
