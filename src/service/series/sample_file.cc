#include "service/series/sample_file.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "model/senml.h"
#include "service/series/line_keys.h"
#include "service/series/line_values.h"
#include "service/series/sample_csv.h"
#include "wire/line_protocol/decoder.h"
#include "wire/line_protocol/encoder.h"

namespace dunlin::series {
namespace {

/// Channels without a slash are fields of this measurement.
constexpr std::string_view kPlainMeasurement = "telemetry";

/// "a/b/c" is the field c of the measurement a/b; the device is a tag.
class LineWriter final : public SampleWriter {
 public:
  std::string begin() override { return {}; }
  std::string end() override { return {}; }
  Result<std::string> write(const model::Sample& sample) override {
    const std::size_t slash = sample.channel.rfind('/');
    const bool has_measurement = slash != std::string::npos && slash > 0;
    const std::string_view channel = sample.channel;
    if (has_measurement && channel.substr(0, slash) == kPlainMeasurement)
      return fail(Errc::unsupported, "a channel below telemetry/ would come back without that");
    const std::pair<std::string_view, std::string_view> tag{"device", sample.device};
    const std::pair<std::string_view, line_protocol::PlainValue> field{
        has_measurement ? channel.substr(slash + 1) : channel, line_value(sample.value)};
    const line_protocol::PlainLine line{has_measurement ? channel.substr(0, slash) : kPlainMeasurement,
                                        std::span(&tag, 1), std::span(&field, 1),
                                        unix_nanoseconds(sample.t_source)};
    std::string text(line_protocol::encoded_bound(line), '\0');
    const auto length = line_protocol::encode(line, text);
    if (!length) return fail(length.error().code, std::string(length.error().context));
    text.resize(*length);
    return text;
  }
};

class LineReader final : public SampleReader {
 public:
  explicit LineReader(ReadOptions options)
      : options_(options),
        keys_({.device_tags = LineOptions{}.device_tags,
               .channel_tags = {},
               .plain_measurement = std::string(kPlainMeasurement)}) {}

  std::size_t take(std::string_view text, Piece piece) override {
    const std::size_t end = piece == Piece::last ? text.size() : text.rfind('\n') + 1;
    const std::string_view whole = text.substr(0, end);
    const auto decoder = std::make_unique<line_protocol::Decoder>(whole);
    while (const auto line = decoder->next()) {
      if (*line) {
        read(**line);
        continue;
      }
      const line_protocol::LineError& error = line->error();
      const std::size_t from = begin_of(whole, error.line);
      // A text may go on in what follows.
      if (piece == Piece::more_follow && error.why.starts_with("a text does not end") &&
          text.size() - from < line_protocol::kMaxLineBytes) {
        lines_ += error.line - 1;
        return from;
      }
      refuse(error);
    }
    lines_ += static_cast<std::size_t>(std::ranges::count(whole, '\n'));
    keys_.make_room();
    return end;
  }

 private:
  static std::size_t begin_of(std::string_view text, std::size_t line) {
    std::size_t at = 0;
    for (; line > 1; --line) at = text.find('\n', at) + 1;
    return at;
  }
  void refuse(const line_protocol::LineError& error) {
    problems_.push_back(
        {lines_ + error.line, "column " + std::to_string(error.column) + ": " + std::string(error.why)});
  }
  void read(const line_protocol::Line& line) {
    const auto source = keys_.find(kDefaultTenant, line.key);
    if (!source) return refuse(error_at(line, source.error().place, source.error().why));
    std::int64_t time = unix_nanoseconds(options_.now);
    if (line.time && __builtin_mul_overflow(*line.time, options_.tick, &time))
      return refuse(error_at(line, line.bytes, "the time is not within the years 1678 to 2261"));
    std::vector<FileSample> read;
    for (std::size_t i = 0; i < line.fields.size(); ++i) {
      const auto target = keys_.target(**source, i, line.fields[i].key);
      if (!target) return refuse(error_at(line, line.fields[i].key.raw, target.error()));
      FileSample& each = read.emplace_back();
      each.line = lines_ + line.number;
      each.sample.device = (*source)->device;
      each.sample.channel = (*source)->targets[*target].channel;
      each.sample.t_source = from_unix_nanoseconds(time);
      each.sample.value = value_of_line(line.fields[i].value);
    }
    std::ranges::move(read, std::back_inserter(samples_));
  }

  ReadOptions options_;
  LineKeys keys_;
  std::size_t lines_ = 0;  // before what take() is given
};

/// A record a line, as one pack; its name is DEVICE/CHANNEL.
class SenmlFileWriter final : public SampleWriter {
 public:
  std::string begin() override { return "["; }
  std::string end() override { return "\n]\n"; }
  Result<std::string> write(const model::Sample& sample) override {
    const model::SenmlRecord record{sample.device + '/' + sample.channel, sample.unit, sample.t_source,
                                    sample.value};
    if (sample.device.find('/') != std::string::npos)
      return fail(Errc::unsupported, "a device's name with a slash ends at it in SenML");
    DUNLIN_CHECK(model::check_senml_name(record.name));
    DUNLIN_TRY(const std::string json, model::senml_json(record));
    return (std::exchange(is_first_, false) ? "\n" : ",\n") + json;
  }

 private:
  bool is_first_ = true;
};

class SenmlFileReader final : public SampleReader {
 public:
  explicit SenmlFileReader(WallTime now) : reader_(now) {}

  std::size_t take(std::string_view text, Piece piece) override {
    std::size_t taken = 0;
    while (taken < text.size()) {
      const std::size_t end = text.find('\n', taken);
      if (end == std::string_view::npos && piece == Piece::more_follow) break;
      read(text.substr(taken, end == std::string_view::npos ? end : end - taken));
      taken = end == std::string_view::npos ? text.size() : end + 1;
      ++line_;
    }
    return taken;
  }

 private:
  static std::string_view trimmed(std::string_view text, std::string_view also) {
    const std::string drop = " \t\r" + std::string(also);
    const std::size_t begin = text.find_first_not_of(drop);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(drop) - begin + 1);
  }
  void read(std::string_view line) {
    // A whole pack, or one record of a pack that goes over many lines.
    std::string_view json = trimmed(line, ",");
    if (!(json.starts_with('[') && json.ends_with(']'))) json = trimmed(json, "[],");
    if (json.empty()) return;
    auto records = reader_.take(json);
    if (!records) return problems_.push_back({line_, records.error().message});
    for (model::SenmlRecord& record : *records) {
      const std::size_t slash = record.name.find('/');
      if (slash == std::string::npos || slash == 0 || slash + 1 == record.name.size()) {
        problems_.push_back({line_, "the name must be DEVICE/CHANNEL"});
        continue;
      }
      FileSample& each = samples_.emplace_back();
      each.line = line_;
      each.sample.device = record.name.substr(0, slash);
      each.sample.channel = record.name.substr(slash + 1);
      each.sample.unit = std::move(record.unit);
      each.sample.t_source = record.time;
      each.sample.value = std::move(record.value);
    }
  }

  model::SenmlReader reader_;
  std::size_t line_ = 1;
};

constexpr std::array<std::pair<std::string_view, FileFormat>, 3> kFormats = {
    {{"csv", FileFormat::csv}, {"lines", FileFormat::lines}, {"senml", FileFormat::senml}}};
constexpr std::array<std::pair<std::string_view, FileFormat>, 4> kEndings = {{{".csv", FileFormat::csv},
                                                                              {".lp", FileFormat::lines},
                                                                              {".json", FileFormat::senml},
                                                                              {".senml", FileFormat::senml}}};

}  // namespace

std::optional<FileFormat> file_format(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

std::optional<FileFormat> format_of_file(std::string_view path) {
  for (const auto& [ending, format] : kEndings) {
    if (path.ends_with(ending)) return format;
  }
  return std::nullopt;
}

std::unique_ptr<SampleWriter> make_writer(FileFormat format) {
  if (format == FileFormat::csv) return std::make_unique<CsvWriter>();
  if (format == FileFormat::lines) return std::make_unique<LineWriter>();
  return std::make_unique<SenmlFileWriter>();
}

std::unique_ptr<SampleReader> make_reader(FileFormat format, ReadOptions options) {
  if (format == FileFormat::csv) return std::make_unique<CsvReader>(options.now);
  if (format == FileFormat::lines) return std::make_unique<LineReader>(options);
  return std::make_unique<SenmlFileReader>(options.now);
}

}  // namespace dunlin::series
