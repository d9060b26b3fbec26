#pragma once
// Values of the line protocol and of samples.

#include "model/sample.h"
#include "wire/line_protocol/encoder.h"
#include "wire/line_protocol/line.h"

namespace dunlin::series {

/// An unsigned integer that 64 bits with sign do not hold becomes floating point.
model::Value value_of_line(const line_protocol::Value& value);

/// Valid while `value` is. Bytes are their length.
line_protocol::PlainValue line_value(const model::Value& value);

}  // namespace dunlin::series
