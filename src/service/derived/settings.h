#pragma once
// Names of stored forms. Internal to the room.

#include <string_view>

namespace dunlin::derived {

inline constexpr std::string_view kSettingPrefix = "derived:";  // and the name: the id of a setting

}  // namespace dunlin::derived
