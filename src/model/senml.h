#pragma once
// Packs of measurements (RFC 8428), as JSON and as CBOR.

#include <memory>
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

/// Errors: malformed (section 4.5.1: letters, digits and - : . / _, the first of them a letter or digit);
/// limit_exceeded.
Result<void> check_senml_name(std::string_view name);

/// A pack in either form: its first byte tells. `now`: what relative times (below 2^28 seconds) count from.
/// Records with nothing but a sum are left out. Errors: malformed; unsupported (a version above 10, a field
/// that must be understood); limit_exceeded (kMaxSamplesPerMessage, kMaxJsonPayloadBytes).
Result<std::vector<SenmlRecord>> read_senml(const Slice& pack, WallTime now);

/// Reads a long pack piece by piece: what one says of the base counts for those that follow. One thread.
class SenmlReader {
 public:
  explicit SenmlReader(WallTime now);
  ~SenmlReader();
  SenmlReader(SenmlReader&&) noexcept;

  /// A record (a JSON object) or several (an array). Errors: as read_senml(), but for the number of records.
  Result<std::vector<SenmlRecord>> take(std::string_view json);

 private:
  class Pack;
  std::unique_ptr<Pack> pack_;
};

/// The channel that a record's name means on a topic of `device`: what is behind
/// the device's name or URN, or
/// `otherwise` where nothing is.
std::string senml_channel(std::string_view name, std::string_view device, std::string_view otherwise);

/// One record as JSON, with no base field but the time; every value and time is kept exactly. Errors:
/// unsupported (a number that is not finite, a time before 2^28 seconds).
Result<std::string> senml_json(const SenmlRecord& record);

}  // namespace dunlin::model
