// dunlin series import, dunlin series export.

#include <boost/json.hpp>
#include <cstdio>
#include <limits>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "apps/lines_out.h"
#include "apps/series_options.h"
#include "base/time_text.h"
#include "service/series/json_forms.h"
#include "service/series/operations.h"
#include "service/series/sample_file.h"
#include "service/series/sample_operations.h"

namespace dunlin::apps {
namespace {

using series::FileFormat;
using series::FileSample;
using series::SampleReader;

constexpr std::size_t kBlock = 64 * 1024;
// What goes into one call: fewer than a call takes, and of less than a body's limit.
constexpr std::size_t kSamplesPerCall = 5'000;
constexpr std::size_t kBytesPerCall = 600'000;
constexpr std::size_t kBytesPerSample = 160;  // about, without its texts
constexpr std::int64_t kPointsPerPage = 2'000;
constexpr std::size_t kToldProblems = 20;

model::OperationSpec operation(std::string_view name) {
  for (const auto& all : {series::operations(), series::SampleOperations::operations()}) {
    for (const model::OperationSpec& spec : all) {
      if (spec.name == name) return spec;
    }
  }
  return {};
}

/// The first of them go to standard error; all are counted.
class Problems {
 public:
  void tell(const std::string& where, const std::string& why) {
    if (++count_ <= kToldProblems) std::fprintf(stderr, "%s: %s\n", where.c_str(), why.c_str());
  }
  std::size_t count() const { return count_; }
  int status() const { return count_ == 0 ? 0 : 1; }

 private:
  std::size_t count_ = 0;
};

boost::json::object json_of(const model::Sample& sample) {
  boost::json::object fields{{"device", sample.device},
                             {"channel", sample.channel},
                             {"time", format_rfc3339_exact(sample.t_source)},
                             {"value", series::value_json(sample.value)}};
  if (!sample.unit.empty()) fields["unit"] = sample.unit;
  if (sample.quality != model::Quality::good) fields["quality"] = series::quality_name(sample.quality);
  if (sample.flags != 0) fields["flags"] = sample.flags;
  return fields;
}

std::size_t bytes_of(const model::Sample& sample) {
  const auto* text = std::get_if<std::string>(&sample.value);
  return kBytesPerSample + sample.device.size() + sample.channel.size() +
         2 * (text != nullptr ? text->size() : 0);
}

/// Gathers samples and sends them, many in a call.
class Import {
 public:
  explicit Import(ApiClient& client) : client_(client) {}

  Result<void> add(const FileSample& each) {
    if (samples_.empty()) first_line_ = each.line;
    last_line_ = each.line;
    bytes_ += bytes_of(each.sample);
    samples_.push_back(json_of(each.sample));
    if (samples_.size() < kSamplesPerCall && bytes_ < kBytesPerCall) return {};
    return send();
  }
  Result<void> send() {
    if (samples_.empty()) return {};
    const std::size_t count = samples_.size();
    const auto answer = client_.call(operation("series.write"), {{"samples", std::move(samples_)}});
    samples_ = {};
    bytes_ = 0;
    if (!answer)
      return fail(answer.error().code,
                  "of lines " + std::to_string(first_line_) + " to " + std::to_string(last_line_) +
                      " nothing was stored, nor of those behind them: " + answer.error().message);
    stored_ += count;
    progress_.show(std::to_string(stored_) + " samples are stored");
    return {};
  }
  std::size_t end() {
    progress_.end();
    return stored_;
  }

 private:
  ApiClient& client_;
  boost::json::array samples_;
  std::size_t bytes_ = 0;
  std::size_t first_line_ = 0;
  std::size_t last_line_ = 0;
  std::size_t stored_ = 0;
  ProgressLine progress_;
};

Result<void> read_file_into(File& file, SampleReader& reader, Import& import, Problems& problems) {
  std::vector<std::uint8_t> block(kBlock);
  std::string rest;
  for (std::uint64_t at = 0;;) {
    DUNLIN_TRY(const std::size_t size, file.read_at(at, block));
    at += size;
    rest += as_text(ByteView(block).first(size));
    const auto piece = size == 0 ? SampleReader::Piece::last : SampleReader::Piece::more_follow;
    rest.erase(0, reader.take(rest, piece));
    for (const series::FileProblem& problem : reader.take_problems())
      problems.tell("line " + std::to_string(problem.line), problem.why);
    for (const FileSample& each : reader.take_samples()) DUNLIN_CHECK(import.add(each));
    if (size == 0) return import.send();
    if (rest.size() > series::kMaxFileRecordBytes + kBlock)
      return fail(Errc::limit_exceeded, "the file has a line that is too long");
  }
}

/// The rows of a page as samples.
Result<std::vector<model::Sample>> samples_of(const boost::json::object& page) {
  const auto& times = page.at("time").as_array();
  const auto& values = page.at("value").as_array();
  const auto& qualities = page.at("quality").as_array();
  const auto& flags = page.at("flags").as_array();
  std::vector<model::Sample> samples;
  for (std::size_t i = 0; i < times.size(); ++i) {
    model::Sample& sample = samples.emplace_back();
    sample.device = page.at("device").as_string();
    sample.channel = page.at("channel").as_string();
    sample.unit = page.at("unit").as_string();
    DUNLIN_TRY(sample.t_source, parse_rfc3339(std::string_view(times[i].as_string())));
    const auto& value = values.at(i);
    if (value.is_bool()) sample.value = value.get_bool();
    if (value.is_int64()) sample.value = value.get_int64();
    if (value.is_double()) sample.value = value.get_double();
    if (value.is_string()) sample.value = std::string(value.get_string());
    if (value.is_null()) sample.value = std::numeric_limits<double>::quiet_NaN();
    sample.quality =
        series::quality_of(std::string_view(qualities.at(i).as_string())).value_or(model::Quality::good);
    sample.flags = static_cast<std::uint8_t>(flags.at(i).as_int64());
  }
  return samples;
}

struct Export {
  ApiClient& client;
  series::SampleWriter& writer;
  Lines& lines;
  Problems problems;
  ProgressLine progress;
  std::size_t written = 0;

  Result<void> write(const std::vector<model::Sample>& samples) {
    std::string text;
    for (const model::Sample& sample : samples) {
      const auto* number = std::get_if<double>(&sample.value);
      auto line = number != nullptr && *number != *number
                      ? Result<std::string>(fail(Errc::unsupported, "the number is not finite"))
                      : writer.write(sample);
      if (!line) {
        problems.tell(sample.device + " " + sample.channel + " at " + format_rfc3339_exact(sample.t_source),
                      line.error().message);
        continue;
      }
      text += *line;
      ++written;
    }
    return lines.write(text);
  }

  Result<void> series_of(boost::json::object fields) {
    while (true) {
      DUNLIN_TRY(const boost::json::value answer, client.call(operation("series.points"), fields));
      try {
        const auto& page = answer.as_object();
        DUNLIN_TRY(const auto samples, samples_of(page));
        DUNLIN_CHECK(write(samples));
        progress.show(std::to_string(written) + " samples are written");
        const auto* next = page.if_contains("next");
        if (next == nullptr) return {};
        fields["from"] = *next;
      } catch (const std::exception&) {  // of Boost.JSON: another member or type
        return fail(Errc::malformed, "the server's answer is no page of points");
      }
    }
  }

  Result<void> all(const SeriesExportCommand& command) {
    boost::json::object which;
    if (!command.device.empty()) which["device"] = command.device;
    DUNLIN_TRY(const boost::json::value list, client.call(operation("series.list"), which));
    const auto* rows = list.is_object() ? list.get_object().if_contains("series") : nullptr;
    if (rows == nullptr || !rows->is_array()) return fail(Errc::malformed, "the server's answer is no list");
    DUNLIN_CHECK(lines.write(writer.begin()));
    for (const auto& row : rows->get_array()) {
      const auto& channel = row.at("channel");
      if (!command.channel.empty() && channel != boost::json::value(command.channel)) continue;
      boost::json::object fields{
          {"device", row.at("device")}, {"channel", channel}, {"limit", kPointsPerPage}};
      if (!command.from.empty()) fields["from"] = command.from;
      if (!command.to.empty()) fields["to"] = command.to;
      DUNLIN_CHECK(series_of(std::move(fields)));
    }
    DUNLIN_CHECK(lines.write(writer.end()));
    return lines.end();
  }
};

std::optional<FileFormat> format_of(const std::string& wanted, const std::string& file) {
  return wanted.empty() ? series::format_of_file(file) : series::file_format(wanted);
}

}  // namespace

int run_series_import(const SeriesImportCommand& command) {
  const auto format = format_of(command.format, command.file);
  if (!format)
    return report(
        {Errc::invalid_argument, "the file's name says no format: give --format csv, lines or senml"});
  const auto fs = make_system_fs();
  const auto file = fs->open(command.file, OpenMode::read);
  if (!file) return report(file.error());
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  const auto reader = series::make_reader(*format, {SystemClock().wall_now(), tick_of(command.precision)});
  Import import(**client);
  Problems problems;
  const auto done = read_file_into(**file, *reader, import, problems);
  const std::size_t stored = import.end();
  std::printf("stored %zu samples, refused %zu lines\n", stored, problems.count());
  return done ? problems.status() : report(done.error());
}

int run_series_export(const SeriesExportCommand& command) {
  const auto format = command.format.empty() && command.out_file.empty()
                          ? FileFormat::csv
                          : format_of(command.format, command.out_file).value_or(FileFormat::csv);
  const auto fs = make_system_fs();
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  auto lines = Lines::open(*fs, command.out_file);
  if (!lines) return report(lines.error());
  const auto writer = series::make_writer(format);
  Export take{**client, *writer, *lines, {}, {}};
  const auto done = take.all(command);
  take.progress.end();
  if (!done) return report(done.error());
  std::fprintf(stderr, "wrote %zu samples, left out %zu\n", take.written, take.problems.count());
  return take.problems.status();
}

}  // namespace dunlin::apps
