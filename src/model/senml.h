#pragma once
// Packs of measurements (RFC 8428), as JSON and as CBOR.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/slice.h"
#include "model/sample.h"

namespace dunlin::model {

/// A record with all that the base fields before it say.
struct SenmlRecord {
  std::string name;
  std::string unit;
  WallTime time{};
  Value value;
  friend bool operator==(const SenmlRecord&, const SenmlRecord&) = default;
};

/// A pack in either form: its first byte tells. `now`: what relative times (below 2^28 seconds) count from.
/// Records with nothing but a sum are left out. Errors: malformed; unsupported (a version above 10, a field
/// that must be understood); limit_exceeded (kMaxSamplesPerMessage, kMaxJsonPayloadBytes).
Result<std::vector<SenmlRecord>> read_senml(const Slice& pack, WallTime now);

/// The channel that a record's name means on a topic of `device`: what is behind
/// the device's name or URN, or
/// `otherwise` where nothing is.
std::string senml_channel(std::string_view name, std::string_view device, std::string_view otherwise);

/// One record as JSON, with no base field but the time; every value and time is kept exactly. Errors:
/// unsupported (a number that is not finite, a time before 2^28 seconds).
Result<std::string> senml_json(const SenmlRecord& record);

}  // namespace dunlin::model
