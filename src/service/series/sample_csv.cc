#include "service/series/sample_csv.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/time_text.h"
#include "model/mapping.h"
#include "service/series/json_forms.h"
#include "service/series/series_store.h"

namespace dunlin::series {
namespace {

enum Column : std::size_t { kDevice, kChannel, kTime, kType, kValue, kUnit, kQuality, kFlags };
constexpr std::array<std::string_view, 8> kNames = {"device", "channel", "time",    "type",
                                                    "value",  "unit",    "quality", "flags"};
constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"') result += '"';
    result += character;
  }
  return result + '"';
}

std::string number_text(auto number) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

struct TypeAndText {
  std::string_view type;
  std::string text;
};
struct ToText {
  TypeAndText operator()(double number) const { return {"number", number_text(number)}; }
  TypeAndText operator()(std::int64_t number) const { return {"integer", number_text(number)}; }
  TypeAndText operator()(bool truth) const { return {"boolean", truth ? "true" : "false"}; }
  TypeAndText operator()(const std::string& text) const { return {"text", text}; }
  TypeAndText operator()(const model::JsonText& text) const { return {"text", text.value}; }
  TypeAndText operator()(const model::Bytes& bytes) const {
    return {"integer", number_text(static_cast<std::int64_t>(bytes.value.size()))};
  }
};

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> finite_number(std::string_view text) {
  const auto number = read_number<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

Result<model::Value> read_value(std::string_view type, const std::string& text) {
  if (text.size() > kMaxTextValueBytes) return fail(Errc::limit_exceeded, "a text is longer than 1024 bytes");
  if (type == "text") return model::Value{text};
  if (type == "integer") {
    if (const auto number = read_number<std::int64_t>(text)) return model::Value{*number};
    return fail(Errc::malformed, "the value is no integer of 64 bits");
  }
  if (type == "number") {
    if (const auto number = finite_number(text)) return model::Value{*number};
    return fail(Errc::malformed, "the value is no number");
  }
  if (type == "boolean") {
    if (text == "true" || text == "false") return model::Value{text == "true"};
    return fail(Errc::malformed, "the value is neither true nor false");
  }
  if (!type.empty()) return fail(Errc::malformed, "the type is none of number, integer, boolean and text");
  if (const auto number = finite_number(text)) return model::Value{*number};
  if (text == "true" || text == "false") return model::Value{text == "true"};
  return model::Value{text};
}

}  // namespace

std::string CsvWriter::begin() {
  std::string line;
  for (const std::string_view name : kNames) line += (line.empty() ? "" : ",") + std::string(name);
  return line + "\n";
}

Result<std::string> CsvWriter::write(const model::Sample& sample) {
  const TypeAndText value = std::visit(ToText{}, sample.value);
  return quoted(sample.device) + ',' + quoted(sample.channel) + ',' + format_rfc3339_exact(sample.t_source) +
         ',' + std::string(value.type) + ',' + quoted(value.text) + ',' + quoted(sample.unit) + ',' +
         std::string(quality_name(sample.quality)) + ',' + std::to_string(sample.flags) + '\n';
}

CsvReader::Cut CsvReader::cut(std::string_view text, Piece piece) {
  Cut found;
  std::string field;
  bool in_quotes = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char character = text[at];
    if (character == '\n') ++found.lines;
    if (in_quotes) {
      const bool doubled = character == '"' && at + 1 < text.size() && text[at + 1] == '"';
      if (doubled) ++at;
      if (character == '"' && !doubled) {
        in_quotes = false;
      } else {
        field += character;
      }
    } else if (character == '"' && field.empty()) {
      in_quotes = true;
    } else if (character == ',') {
      found.row.push_back(std::exchange(field, {}));
    } else if (character == '\n') {
      if (field.ends_with('\r')) field.pop_back();
      found.row.push_back(std::move(field));
      found.bytes = at + 1;
      found.is_whole = true;
      return found;
    } else {
      field += character;
    }
  }
  if (piece == Piece::last && !in_quotes) {
    found.row.push_back(std::move(field));
    found.is_whole = true;
  }
  found.bytes = text.size();
  return found;
}

std::size_t CsvReader::take(std::string_view text, Piece piece) {
  std::size_t taken = 0;
  while (taken < text.size()) {
    const Cut next = cut(text.substr(taken), piece);
    if (!next.is_whole && piece == Piece::more_follow && next.bytes <= kMaxFileRecordBytes) break;
    const bool is_blank = next.row.size() == 1 && next.row.front().empty();
    if (!next.is_whole) {
      problems_.push_back({line_, "a quotation mark is not closed, or the row is too long"});
    } else if (!columns_) {
      if (auto heading = read_heading(next.row); !heading)
        problems_.push_back({line_, heading.error().message});
    } else if (!is_blank) {
      auto sample = read_row(next.row);
      if (sample) {
        samples_.push_back({line_, *std::move(sample)});
      } else {
        problems_.push_back({line_, sample.error().message});
      }
    }
    taken += next.bytes;
    line_ += next.lines;
  }
  return taken;
}

Result<void> CsvReader::read_heading(const Row& row) {
  std::array<std::size_t, kNames.size()> columns;
  columns.fill(kNoColumn);
  columns_ = columns;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto found = std::ranges::find(kNames, row[i]);
    if (found == kNames.end())
      return fail(Errc::malformed, "the heading has a column that is not known: \"" + row[i] + "\"");
    columns[static_cast<std::size_t>(found - kNames.begin())] = i;
  }
  columns_ = columns;
  for (const Column column : {kDevice, kChannel, kValue}) {
    if (columns[column] == kNoColumn)
      return fail(Errc::malformed, "the heading has no column \"" + std::string(kNames[column]) + "\"");
  }
  return {};
}

Result<model::Sample> CsvReader::read_row(const Row& row) const {
  const auto field = [&](Column column) -> std::string {
    const std::size_t at = (*columns_)[column];
    return at < row.size() ? row[at] : std::string();
  };
  model::Sample sample;
  sample.device = field(kDevice);
  sample.channel = field(kChannel);
  for (const std::string* name : {&sample.device, &sample.channel}) {
    if (name->empty() || name->size() > model::kMaxChannelBytes)
      return fail(Errc::malformed, "device and channel must have 1 to 256 bytes");
  }
  DUNLIN_TRY(sample.value, read_value(field(kType), field(kValue)));
  sample.unit = field(kUnit);
  sample.t_source = now_;
  if (const std::string time = field(kTime); !time.empty()) {
    DUNLIN_TRY(sample.t_source, read_time(boost::json::value(time), "time"));
  }
  if (const std::string word = field(kQuality); !word.empty()) {
    const auto quality = quality_of(word);
    if (!quality) return fail(Errc::malformed, "the quality is none of good, uncertain and bad");
    sample.quality = *quality;
  }
  if (const std::string text = field(kFlags); !text.empty()) {
    const auto flags = read_number<std::uint8_t>(text);
    if (!flags || (*flags & ~std::uint64_t{model::kStatedFlags}) != 0)
      return fail(Errc::malformed, "the flags must be a sum of 1, 2 and 8");
    sample.flags = *flags;
  }
  return sample;
}

}  // namespace dunlin::series
