#pragma once
// Reads the JSON shapes of a measurement.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/slice.h"
#include "model/sample.h"

namespace dunlin::model {

/// Reads a payload into samples whose device, channel, t_server and origin are copied from `base`; t_source
/// is t_server unless the payload says `t` (Unix milliseconds). An object of numbers makes one sample per
/// member, channel `base.channel + "." + member`. Errors: malformed (not JSON, no measurement in it),
/// limit_exceeded.
Result<std::vector<Sample>> read_json_payload(const Slice& payload, const Sample& base);
/// The same shapes in CBOR.
Result<std::vector<Sample>> read_cbor_payload(const Slice& payload, const Sample& base);
/// A pack of measurements; the channel is the record's name without the device's (senml_channel), or that of
/// `base`. Errors: those of read_senml().
Result<std::vector<Sample>> read_senml_payload(const Slice& payload, const Sample& base);

}  // namespace dunlin::model
