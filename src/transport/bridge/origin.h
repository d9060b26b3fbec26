#pragma once
// Which servers a message has passed: each bridge notes its own server in a user property of what goes out
// and of what comes in, so that a ring of bridges ends.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "hub/message.h"

namespace dunlin::bridge {

/// One property for each server passed; the value is its id. MQTT 5 only.
inline constexpr std::string_view kOriginProperty = "dunlin-bridge";

enum class Passage : std::uint8_t {
  open,
  marked,  // the last mark is this server's: it has come in by a bridge of ours, or comes back from a plain
           // server
  seen,    // this server's mark is an earlier one: it has been here, elsewhere, and is here again
  too_far,
};
/// Only `open` may come in; `open` and `marked` may go out.
Passage passage(const hub::Properties* properties, std::string_view node);

/// The same with a mark more.
std::shared_ptr<const hub::Properties> marked(const std::shared_ptr<const hub::Properties>& properties,
                                              const std::string& node);

}  // namespace dunlin::bridge
