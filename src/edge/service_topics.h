#pragma once
// What devices ask of the platform's services, or tell them: they may publish it at the gateway, and it goes
// up.

#include <array>
#include <string_view>

namespace dunlin::edge {

inline constexpr std::array<std::string_view, 4> kServiceFilters{
    "$dunlin/things/+/shadow/update", "$dunlin/things/+/shadow/get", "$dunlin/things/+/shadow/delete",
    "$dunlin/things/+/alarms/+"};

}  // namespace dunlin::edge
