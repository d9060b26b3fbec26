#include "service/series/line_ingest.h"

#include <limits>
#include <memory>

#include "wire/line_protocol/escape.h"

namespace dunlin::series {
namespace {

using line_protocol::Field;
using line_protocol::Line;
using line_protocol::LineError;
using line_protocol::Text;

constexpr std::string_view kProtocol = "line_protocol";

std::string in_words(const LineError& error) {
  return "line " + std::to_string(error.line) + ", column " + std::to_string(error.column) + ": " +
         std::string(error.why);
}

struct ToValue {
  model::Value operator()(std::uint64_t number) const {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (number <= kMost) return static_cast<std::int64_t>(number);
    return static_cast<double>(number);
  }
  model::Value operator()(const Text& text) const {
    if (!text.escaped) return std::string(text.raw);
    std::string plain(text.raw.size(), '\0');
    return std::string(line_protocol::unescape(text, line_protocol::Place::text, plain));
  }
  model::Value operator()(auto same) const { return same; }
};

}  // namespace

struct LineIngest::Work {
  TenantId tenant;
  std::int64_t tick = 1;
  std::size_t bytes = 0;
  WallTime arrived{};
  std::vector<model::Sample> samples;
  std::vector<LineSource> fresh;
  LineReport report;
  std::move_only_function<void(Result<LineReport>)> done;

  void refuse(const LineError& error) {
    ++report.refused;
    if (report.errors.size() < kMaxToldLineErrors) report.errors.push_back(in_words(error));
  }
};

LineIngest::LineIngest(Executor& executor, SeriesStore& store, metrics::Registry& metrics,
                       LineOptions options)
    : executor_(executor),
      store_(store),
      keys_(std::move(options)),
      stored_(metrics.counter("dunlin_series_samples_stored_total", "Samples stored")),
      skipped_(metrics.counter("dunlin_series_samples_skipped_total", "Samples left out: over a limit")),
      refused_(metrics.counter("dunlin_series_lines_refused_total",
                               "Lines of the line protocol that held no measurement")),
      key_bytes_(metrics.gauge("dunlin_series_line_key_bytes",
                               "What is remembered of the line protocol's measurements and tags")) {}

void LineIngest::write(const LineWrite& request, std::move_only_function<void(Result<LineReport>)> done) {
  if (waiting_bytes_ + request.lines.size() > kMaxWaitingLineBytes)
    return done(fail(Errc::unavailable, "too much waits for the disk; try again later"));
  keys_.make_room();
  auto work = std::make_shared<Work>();
  work->tenant = request.tenant;
  work->tick = request.tick;
  work->bytes = request.lines.size();
  work->arrived = executor_.wall_now();
  work->done = std::move(done);
  const auto decoder = std::make_unique<line_protocol::Decoder>(request.lines);
  while (const auto line = decoder->next()) {
    if (*line) {
      take(*work, **line);
    } else {
      work->refuse(line->error());
    }
  }
  refused_.add(static_cast<std::int64_t>(work->report.refused));
  key_bytes_.set(static_cast<std::int64_t>(keys_.bytes()));
  if (work->samples.empty()) return work->done(std::move(work->report));
  waiting_bytes_ += work->bytes;
  store_.write(work->samples, kProtocol, {}, [this, work](Result<SeriesStore::Written> written) {
    waiting_bytes_ -= work->bytes;
    if (!written) {
      keys_.forget();  // what is new has not been told of
      return work->done(std::unexpected(std::move(written).error()));
    }
    stored_.add(static_cast<std::int64_t>(written->stored));
    skipped_.add(static_cast<std::int64_t>(written->skipped));
    work->report.stored = written->stored;
    finish(*work);
  });
}

/// A line is taken as a whole or not at all.
void LineIngest::take(Work& work, const Line& line) {
  const auto source = keys_.find(work.tenant, line.key);
  if (!source) return work.refuse(error_at(line, source.error().place, source.error().why));
  std::int64_t time = unix_nanoseconds(work.arrived);
  if (line.time && __builtin_mul_overflow(*line.time, work.tick, &time))
    return work.refuse(error_at(line, line.bytes, "the time is not within the years 1678 to 2261"));
  const std::size_t before = work.samples.size();
  for (std::size_t i = 0; i < line.fields.size(); ++i) {
    auto sample = sample_of(work, **source, i, line.fields[i]);
    if (!sample) {
      work.samples.resize(before);
      return work.refuse(error_at(line, line.fields[i].key.raw, sample.error()));
    }
    sample->t_source = from_unix_nanoseconds(time);
    work.samples.push_back(*std::move(sample));
  }
  if ((*source)->announced) return;
  (*source)->announced = true;
  work.fresh.push_back(**source);
}

std::expected<model::Sample, std::string_view> LineIngest::sample_of(const Work& work, LineSource& source,
                                                                     std::size_t at, const Field& field) {
  const auto* text = std::get_if<Text>(&field.value);
  if (text != nullptr && text->raw.size() > kMaxTextValueBytes)
    return std::unexpected("a text is longer than 1024 bytes");
  const auto target = keys_.target(source, at, field.key);
  if (!target) return std::unexpected(target.error());
  if (store_.size() >= kMaxSeries && store_.find(work.tenant, source.device, (*target)->channel) == nullptr)
    return std::unexpected("there are 1,000,000 series already: no further one is made");
  model::Sample sample;
  sample.tenant = work.tenant;
  sample.device = source.device;
  sample.channel = (*target)->channel;
  sample.t_server = work.arrived;
  sample.value = std::visit(ToValue{}, field.value);
  sample.origin.protocol = kProtocol;
  return sample;
}

void LineIngest::finish(Work& work) {
  for (const LineSource& source : work.fresh) {
    for (const auto& handler : source_handlers_) handler(work.tenant, source);
  }
  for (const auto& handler : stored_handlers_) handler(work.samples);
  work.done(std::move(work.report));
}

}  // namespace dunlin::series
