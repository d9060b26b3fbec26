#pragma once
// Rows of the table alarm.

#include "service/alarm/alarm.h"
#include "store/keyed.h"

namespace dunlin::alarm {

store::Put stored(const Alarm& alarm);
/// Errors: corrupt.
Result<Alarm> alarm_of(const store::Entry& entry);

}  // namespace dunlin::alarm
