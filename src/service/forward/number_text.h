#pragma once
// Numbers as JSON text, in their shortest form.

#include <string>

#include "base/clock.h"

namespace dunlin::forward {

/// "null" for what JSON cannot say (an overflow).
std::string number_text(double number);
/// Unix milliseconds, with three decimals where the time is not a whole one.
std::string milliseconds_text(WallTime time);

}  // namespace dunlin::forward
