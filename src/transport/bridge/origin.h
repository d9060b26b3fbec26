#pragma once
// Which servers a message has passed: each bridge notes its own server in a user property, so that a ring of
// bridges ends.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "hub/message.h"

namespace dunlin::bridge {

/// One property for each server passed; the value is its id. MQTT 5 only.
inline constexpr std::string_view kOriginProperty = "dunlin-bridge";

enum class Passage : std::uint8_t { open, seen /* it has been here before */, too_far };
/// Whether a message may come into, or go out of, the server `node`.
Passage passage(const hub::Properties* properties, std::string_view node);

/// The same with a mark more.
std::shared_ptr<const hub::Properties> marked(const std::shared_ptr<const hub::Properties>& properties,
                                              const std::string& node);

}  // namespace dunlin::bridge
