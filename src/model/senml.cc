#include "model/senml.h"

#include <simdjson.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "model/cbor.h"
#include "model/mapping.h"
#include "model/text.h"

namespace dunlin::model {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr double kVersion = 10;                 // RFC 8428 section 4.4
constexpr double kRelativeBelow = 268'435'456;  // 2^28 seconds (section 4.5.3)
constexpr double kMostSeconds = 9.2e9;          // of what 64-bit nanoseconds can hold
constexpr std::size_t kMaxUnitBytes = 32;
constexpr std::int64_t kSecond = 1'000'000'000;

/// Section 6, table 4.
std::string_view label_name(std::int64_t label) {
  constexpr std::array<std::string_view, 15> kNames = {"bs", "bv", "bu", "bt", "bn", "bver", "n", "u",
                                                       "v",  "vs", "vb", "s",  "t",  "ut",   "vd"};
  constexpr std::int64_t kFirst = -6;
  if (label < kFirst || label > 8) return {};
  return kNames[static_cast<std::size_t>(label - kFirst)];
}

/// Seconds as nanoseconds. A fraction of a second is taken to the nanosecond; large numbers of seconds have
/// no more than microseconds in a double.
std::int64_t nanoseconds_of(double seconds) {
  const double whole = std::floor(seconds);
  const double fraction = seconds - whole;
  const std::int64_t rest =
      std::abs(seconds) < 1000 ? std::llround(fraction * 1e9) : std::llround(fraction * 1e6) * 1000;
  return static_cast<std::int64_t>(whole) * kSecond + rest;
}

/// What a record says of itself, before the base fields are applied.
struct Fields {
  std::string_view name;
  std::string_view unit;
  std::optional<double> time;
  std::optional<Value> value;
  bool has_sum = false;
  bool has_base = false;
};

std::string number_text(auto number) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

}  // namespace

/// Section 4.5.1.
Result<void> check_senml_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_allowed = [&](char c) {
    return is_plain(c) || c == '-' || c == ':' || c == '.' || c == '/' || c == '_';
  };
  if (name.size() > kMaxChannelBytes) return fail(Errc::limit_exceeded, "a name of the pack is too long");
  if (name.empty() || !is_plain(name.front()) || !std::ranges::all_of(name, is_allowed))
    return fail(Errc::malformed,
                "a name of the pack must begin with a letter or digit and hold only these and - : . / _");
  return {};
}

class SenmlReader::Pack {
 public:
  explicit Pack(WallTime now) : now_(now) {}

  Result<void> add(object members) {
    DUNLIN_TRY(const Fields fields, read(members));
    if (!fields.value) {
      if (fields.has_sum || fields.has_base) return {};
      return fail(Errc::malformed, "a record of the pack has no value");
    }
    SenmlRecord record;
    record.name = base_name_ + std::string(fields.name);
    DUNLIN_CHECK(check_senml_name(record.name));
    record.unit = std::string(
        cut_text(fields.unit.empty() ? std::string_view(base_unit_) : fields.unit, kMaxUnitBytes));
    DUNLIN_TRY(record.time, time_of(fields.time.value_or(0)));
    record.value = with_base(*fields.value);
    records_.push_back(std::move(record));
    return {};
  }
  std::vector<SenmlRecord> take() { return std::exchange(records_, {}); }

 private:
  Result<Fields> read(object members) {
    Fields fields;
    for (const auto& member : members) DUNLIN_CHECK(read_member(fields, member.key, member.value));
    return fields;
  }

  Result<void> read_member(Fields& fields, std::string_view label, element value) {
    if (label == "n") {
      DUNLIN_TRY(fields.name, text_of(value));
    } else if (label == "u") {
      DUNLIN_TRY(fields.unit, text_of(value));
    } else if (label == "t") {
      DUNLIN_TRY(fields.time, number_of(value));
    } else if (label == "s" || label == "ut") {
      fields.has_sum = fields.has_sum || label == "s";
      DUNLIN_CHECK(number_of(value));
    } else if (label == "v" || label == "vs" || label == "vb" || label == "vd") {
      if (fields.value) return fail(Errc::malformed, "a record of the pack has two values");
      DUNLIN_TRY(fields.value, value_of(label, value));
    } else {
      return read_base(fields, label, value);
    }
    return {};
  }

  Result<void> read_base(Fields& fields, std::string_view label, element value) {
    if (label == "bn") {
      DUNLIN_TRY(const std::string_view name, text_of(value));
      if (name.size() > kMaxChannelBytes) return fail(Errc::limit_exceeded, "a name of the pack is too long");
      base_name_ = name;
    } else if (label == "bu") {
      DUNLIN_TRY(const std::string_view unit, text_of(value));
      base_unit_ = cut_text(unit, kMaxUnitBytes);
    } else if (label == "bt") {
      DUNLIN_TRY(base_time_, number_of(value));
    } else if (label == "bv") {
      DUNLIN_TRY(base_value_, number_of(value));
    } else if (label == "bs") {
      DUNLIN_CHECK(number_of(value));
    } else if (label == "bver") {
      DUNLIN_TRY(const double version, number_of(value));
      if (version > kVersion) return fail(Errc::unsupported, "the pack's version is above 10");
    } else {
      // Section 4.4: others may be ignored, but for those that end with an underscore.
      if (label.ends_with('_'))
        return fail(Errc::unsupported, "the pack has a field that must be understood");
      return {};
    }
    fields.has_base = true;
    return {};
  }

  static std::unexpected<Error> wrong_type() {
    return fail(Errc::malformed, "a field of the pack has another type");
  }
  static Result<std::string_view> text_of(element value) {
    if (!value.is_string()) return wrong_type();
    return std::string_view(value);
  }
  static Result<double> number_of(element value) {
    if (!value.is_number()) return wrong_type();
    return double(value);
  }

  static Result<Value> value_of(std::string_view label, element value) {
    if (label == "v") {
      if (value.type() == element_type::INT64) return Value{std::int64_t(value)};
      DUNLIN_TRY(const double number, number_of(value));
      return Value{number};
    }
    if (label == "vb") {
      if (!value.is_bool()) return wrong_type();
      return Value{bool(value)};
    }
    DUNLIN_TRY(const std::string_view text, text_of(value));
    if (label == "vs") return Value{std::string(text)};
    DUNLIN_TRY(const auto bytes, from_base64url(text));
    return Value{Bytes{std::string(as_text(bytes))}};
  }

  Value with_base(const Value& value) const {
    if (!base_value_) return value;
    if (const auto* number = std::get_if<double>(&value)) return *number + *base_value_;
    if (const auto* number = std::get_if<std::int64_t>(&value))
      return static_cast<double>(*number) + *base_value_;
    return value;
  }

  Result<WallTime> time_of(double time) const {
    const double seconds = base_time_ + time;
    if (!(std::abs(base_time_) <= kMostSeconds && std::abs(time) <= kMostSeconds &&
          std::abs(seconds) <= kMostSeconds))
      return fail(Errc::malformed, "a time of the pack is not within the years 1678 to 2261");
    const std::int64_t from = seconds < kRelativeBelow ? unix_nanoseconds(now_) : 0;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(nanoseconds_of(base_time_), nanoseconds_of(time), &sum) ||
        __builtin_add_overflow(sum, from, &sum))
      return fail(Errc::malformed, "a time of the pack is not within the years 1678 to 2261");
    return from_unix_nanoseconds(sum);
  }

  WallTime now_;
  std::string base_name_;
  std::string base_unit_;
  double base_time_ = 0;
  std::optional<double> base_value_;
  std::vector<SenmlRecord> records_;
};

SenmlReader::SenmlReader(WallTime now) : pack_(std::make_unique<Pack>(now)) {}
SenmlReader::~SenmlReader() = default;
SenmlReader::SenmlReader(SenmlReader&&) noexcept = default;

Result<std::vector<SenmlRecord>> SenmlReader::take(std::string_view json) {
  // Kept per thread: it owns the padded copy that simdjson reads from.
  thread_local simdjson::dom::parser parser;
  element document;
  if (json.empty() || parser.parse(json.data(), json.size(), true).get(document) != simdjson::SUCCESS)
    return fail(Errc::malformed, "the pack is not JSON");
  if (document.is_object()) {
    DUNLIN_CHECK(pack_->add(document.get_object().value_unsafe()));
    return pack_->take();
  }
  if (!document.is_array()) return fail(Errc::malformed, "the pack is not an array");
  const simdjson::dom::array list = document.get_array().value_unsafe();
  for (const element record : list) {
    if (!record.is_object()) return fail(Errc::malformed, "a record of the pack is not an object");
    DUNLIN_CHECK(pack_->add(record.get_object().value_unsafe()));
  }
  return pack_->take();
}

namespace {

Result<std::vector<SenmlRecord>> read_senml_json(std::string_view json, WallTime now) {
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && json[first] == '{')
    return fail(Errc::malformed, "the pack is not an array");
  DUNLIN_TRY(auto records, SenmlReader(now).take(json));
  if (records.empty()) return fail(Errc::malformed, "the pack holds no measurement");
  if (records.size() > kMaxSamplesPerMessage)
    return fail(Errc::limit_exceeded, "more than 256 values in one message");
  return records;
}

}  // namespace

Result<std::vector<SenmlRecord>> read_senml(const Slice& pack, WallTime now) {
  if (pack.empty()) return fail(Errc::malformed, "the payload is empty");
  if (pack.size() > kMaxJsonPayloadBytes)
    return fail(Errc::limit_exceeded, "the payload is too long for a measurement");
  // An array of CBOR begins with a byte of 0x80 to 0x9F, which JSON never does.
  if ((pack.data()[0] & 0xE0) != 0x80) return read_senml_json(pack.text(), now);
  DUNLIN_TRY(const std::string json, json_of_cbor(pack.text(), label_name));
  return read_senml_json(json, now);
}

std::string senml_channel(std::string_view name, std::string_view device, std::string_view otherwise) {
  constexpr std::string_view kSeparators = ":/._";
  const auto behind = [&](std::size_t at) -> std::string {
    return std::string(at + 1 < name.size() ? name.substr(at + 1) : otherwise);
  };
  if (name.starts_with("urn:")) {
    // "urn:dev:ow:10e2073a01080063:voltage": behind the third colon stands the device (RFC 9039 section 3.2).
    std::size_t colon = name.find(':', 4);
    if (colon != std::string_view::npos) colon = name.find(':', colon + 1);
    if (colon == std::string_view::npos) return std::string(otherwise);
    const std::size_t end = name.find_first_of(":/_", colon + 1);
    return end == std::string_view::npos ? std::string(otherwise) : behind(end);
  }
  if (!name.starts_with(device)) return std::string(name);
  if (name.size() == device.size()) return std::string(otherwise);
  return kSeparators.find(name[device.size()]) == std::string_view::npos ? std::string(name)
                                                                         : behind(device.size());
}

Result<std::string> senml_json(const SenmlRecord& record) {
  const std::int64_t time = unix_nanoseconds(record.time);
  std::int64_t seconds = time / kSecond;
  std::int64_t rest = time % kSecond;
  if (rest < 0) {
    --seconds;
    rest += kSecond;
  }
  if (static_cast<double>(seconds) < kRelativeBelow)
    return fail(Errc::unsupported, "SenML has no times before July 1978");
  std::string json = "{\"bt\":" + std::to_string(seconds);
  if (rest != 0) json += ",\"t\":" + number_text(static_cast<double>(rest) / 1e9);
  json += ",\"n\":" + boost::json::serialize(boost::json::string_view(record.name));
  if (!record.unit.empty()) json += ",\"u\":" + boost::json::serialize(boost::json::string_view(record.unit));
  if (const auto* real = std::get_if<double>(&record.value)) {
    if (!std::isfinite(*real)) return fail(Errc::unsupported, "SenML has no number that is not finite");
    std::string text = number_text(*real);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    json += ",\"v\":" + text;
  } else if (const auto* whole = std::get_if<std::int64_t>(&record.value)) {
    json += ",\"v\":" + number_text(*whole);
  } else if (const auto* truth = std::get_if<bool>(&record.value)) {
    json += *truth ? ",\"vb\":true" : ",\"vb\":false";
  } else if (const auto* bytes = std::get_if<Bytes>(&record.value)) {
    json += ",\"vd\":\"" + to_base64url(as_bytes(bytes->value)) + '"';
  } else {
    const auto* text = std::get_if<std::string>(&record.value);
    const std::string& shown = text != nullptr ? *text : std::get<JsonText>(record.value).value;
    json += ",\"vs\":" + boost::json::serialize(boost::json::string_view(shown));
  }
  return json + '}';
}

}  // namespace dunlin::model
