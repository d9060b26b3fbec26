#pragma once
// Names and stored forms. Internal to the room.

#include <string>
#include <string_view>

#include "service/behaviour/thresholds.h"
#include "store/repository.h"

namespace dunlin::behaviour {

inline constexpr std::string_view kConsumer = "behaviour";
inline constexpr std::string_view kSettingPrefix = "behaviour:";  // and the scope: the id of a setting
inline constexpr std::string_view kOddAlarm = "behaviour";
inline constexpr std::string_view kTamperAlarm = "tamper";

/// Errors: corrupt.
Result<Thresholds> stored_thresholds(const store::Document& document);

}  // namespace dunlin::behaviour
