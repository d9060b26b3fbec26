#include "model/payload.h"

#include <simdjson.h>

#include <cmath>
#include <optional>

#include "model/cbor.h"
#include "model/mapping.h"
#include "model/senml.h"
#include "model/text.h"

namespace dunlin::model {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

// Unix milliseconds of the years 1970 to 2262: what 64-bit nanoseconds can hold.
constexpr double kMaxMilliseconds = 9.2e12;
constexpr std::size_t kMaxUnitBytes = 32;

std::optional<Value> scalar_of(element value) {
  switch (value.type()) {
    case element_type::DOUBLE:
      return Value{double(value)};
    case element_type::INT64:
      return Value{std::int64_t(value)};
    case element_type::UINT64:
      return Value{static_cast<double>(std::uint64_t(value))};
    case element_type::BOOL:
      return Value{bool(value)};
    case element_type::STRING:
      return Value{std::string(std::string_view(value))};
    default:
      return std::nullopt;
  }
}

std::optional<double> number_member(object members, std::string_view name) {
  double number = 0;
  if (members[name].get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

/// What stands beside the values: time and sequence number.
Result<Sample> read_envelope(object members, Sample base) {
  if (const auto time = number_member(members, "t")) {
    if (!(*time >= 0 && *time <= kMaxMilliseconds))
      return fail(Errc::malformed, "\"t\" is not a time in Unix milliseconds");
    // Whole milliseconds are kept exactly: as nanoseconds they have more digits than a double.
    const double whole = std::floor(*time);
    base.t_source = from_unix_nanoseconds(static_cast<std::int64_t>(whole) * 1'000'000 +
                                          std::llround((*time - whole) * 1e6));
  }
  if (const auto seq = number_member(members, "seq")) {
    if (!(*seq >= 0 && *seq < 9e15)) return fail(Errc::malformed, "\"seq\" is not a sequence number");
    base.seq = static_cast<std::uint64_t>(*seq);
  }
  return base;
}

Quality quality_of(object members) {
  std::string_view word;
  if (members["quality"].get(word) != simdjson::SUCCESS) return Quality::good;
  if (word == "bad") return Quality::bad;
  return word == "uncertain" ? Quality::uncertain : Quality::good;
}

Result<std::vector<Sample>> read_single(object members, element value, Sample sample) {
  auto scalar = scalar_of(value);
  if (!scalar) return fail(Errc::malformed, "\"value\" must be a number, a text or a truth value");
  sample.value = *std::move(scalar);
  sample.quality = quality_of(members);
  std::string_view unit;
  if (members["unit"].get(unit) == simdjson::SUCCESS)
    sample.unit = std::string(cut_text(unit, kMaxUnitBytes));
  return std::vector<Sample>{std::move(sample)};
}

Result<std::vector<Sample>> read_members(object members, const Sample& base) {
  std::vector<Sample> samples;
  for (const auto& member : members) {
    if (member.key == "t" || member.key == "seq") continue;
    auto scalar = scalar_of(member.value);
    if (!scalar || std::holds_alternative<std::string>(*scalar)) continue;
    if (samples.size() == kMaxSamplesPerMessage)
      return fail(Errc::limit_exceeded, "more than 256 values in one message");
    Sample sample = base;
    sample.channel += '.';
    sample.channel += member.key;
    if (sample.channel.size() > kMaxChannelBytes)
      return fail(Errc::limit_exceeded, "a channel's name is too long");
    sample.value = *std::move(scalar);
    samples.push_back(std::move(sample));
  }
  if (samples.empty()) return fail(Errc::malformed, "the object holds no \"value\" and no numbers");
  return samples;
}

Result<std::vector<Sample>> read_object(object members, const Sample& base) {
  DUNLIN_TRY(Sample sample, read_envelope(members, base));
  element value;
  if (members["value"].get(value) == simdjson::SUCCESS) return read_single(members, value, std::move(sample));
  return read_members(members, sample);
}

}  // namespace

Result<std::vector<Sample>> read_json_payload(const Slice& payload, const Sample& base) {
  // An empty slice has no bytes to point at, which the parser's copy may not be given.
  if (payload.empty()) return fail(Errc::malformed, "the payload is empty");
  if (payload.size() > kMaxJsonPayloadBytes)
    return fail(Errc::limit_exceeded, "the payload is too long for a measurement");
  // Kept per thread: it owns the padded copy that simdjson reads from.
  thread_local simdjson::dom::parser parser;
  element document;
  if (parser.parse(payload.data(), payload.size(), true).get(document) != simdjson::SUCCESS) {
    return fail(Errc::malformed, "the payload is not JSON");
  }
  if (document.is_object()) return read_object(document.get_object().value_unsafe(), base);
  auto scalar = scalar_of(document);
  if (!scalar) return fail(Errc::malformed, "the payload is neither a value nor an object");
  Sample sample = base;
  sample.value = *std::move(scalar);
  return std::vector<Sample>{std::move(sample)};
}

Result<std::vector<Sample>> read_cbor_payload(const Slice& payload, const Sample& base) {
  if (payload.empty()) return fail(Errc::malformed, "the payload is empty");
  DUNLIN_TRY(const std::string json, json_of_cbor(payload.text(), nullptr));
  return read_json_payload(Slice::borrowed(as_bytes(json)), base);
}

Result<std::vector<Sample>> read_senml_payload(const Slice& payload, const Sample& base) {
  DUNLIN_TRY(std::vector<SenmlRecord> records, read_senml(payload, base.t_server));
  std::vector<Sample> samples(records.size(), base);
  for (std::size_t i = 0; i < records.size(); ++i) {
    samples[i].channel = senml_channel(records[i].name, base.device, base.channel);
    if (!records[i].unit.empty()) samples[i].unit = std::move(records[i].unit);
    samples[i].t_source = records[i].time;
    samples[i].value = std::move(records[i].value);
  }
  return samples;
}

}  // namespace dunlin::model
