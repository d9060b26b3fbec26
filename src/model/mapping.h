#pragma once
// Turns topics and payload shapes into samples, by a table of the configuration. Pure: bytes in, samples out.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hub/message.h"
#include "model/sample.h"

namespace dunlin::model {

enum class PayloadShape : std::uint8_t {
  json,    // a number, text or truth value; an object with "value"; or an object of numbers
  cbor,    // the same in CBOR
  senml,   // a pack of measurements (RFC 8428), in JSON or CBOR
  binary,  // opaque bytes, e.g. a picture: the sample's value is Bytes and stays out of the series
};

/// By its name in the configuration. Errors: invalid_argument, with the names.
Result<PayloadShape> payload_shape(std::string_view name);

/// One row. The pattern's levels are literal text, `+`, or `{name}`; it must hold {device_id};
/// {telemetry_type} names the channel, and `channel` does where the pattern has none. {project}, {site} and
/// {device_type} become attributes of the thing.
struct MappingRow {
  std::string pattern = "{project}/{site}/{device_type}/{device_id}/{telemetry_type}";
  PayloadShape payload = PayloadShape::json;
  std::string channel;
  std::string unit;  // where the payload states none
};

/// Which device a topic belongs to, by the first row that matches.
struct TopicFacts {
  std::string device;
  std::string channel;
  std::vector<std::pair<std::string, std::string>> attributes;  // the pattern's other names with their levels
};

struct Mapped {
  TopicFacts facts;
  std::vector<Sample> samples;
};

class Mapping {
 public:
  /// Errors: invalid_argument (a pattern without {device_id}, an unknown {name}, a channel named nowhere).
  static Result<Mapping> make(std::vector<MappingRow> rows);

  /// The table in use when nothing is configured: pictures under .../frame, and the native telemetry topics.
  static Mapping standard();

  /// The topic filters that a consumer of all mapped messages needs.
  std::vector<std::string> filters() const;
  /// The same of one device.
  std::vector<std::string> filters_of(std::string_view device) const;

  /// Empty samples: the topic is not mapped or the payload holds no measurement (an error says which). At
  /// most kMaxSamplesPerMessage.
  Result<Mapped> samples_of(const hub::Message& message) const;

  /// Errors: not_found.
  Result<TopicFacts> facts_of(std::string_view topic) const;

 private:
  struct Level {
    enum class Kind : std::uint8_t { literal, any, named } kind = Kind::literal;
    std::string text;
  };
  struct Row {
    MappingRow source;
    std::vector<Level> levels;
  };
  static Result<Row> compile(MappingRow row);
  static std::optional<TopicFacts> match(const Row& row, std::string_view topic);

  std::vector<Row> rows_;
};

inline constexpr std::size_t kMaxSamplesPerMessage = 256;
inline constexpr std::size_t kMaxChannelBytes = 256;
inline constexpr std::size_t kMaxJsonPayloadBytes = 256 * 1024;

}  // namespace dunlin::model
