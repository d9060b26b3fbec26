#pragma once
// Names of stored forms. Internal to the room.

#include <string_view>

namespace dunlin::monitor {

inline constexpr std::string_view kSettingPrefix = "monitor:";  // and the name: the id of a setting

}  // namespace dunlin::monitor
