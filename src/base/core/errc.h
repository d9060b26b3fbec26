#pragma once
// The kinds of error that any room can report. Protocols map each to their own reason code or status.

#include <cstdint>
#include <string_view>

namespace dunlin {

enum class Errc : std::uint8_t {
  invalid_argument,  // the caller's value is outside the documented range
  malformed,         // bytes that do not follow their format
  limit_exceeded,    // past a named limit: too long, too large, too many
  quota_exceeded,    // a quota or a rate is used up, or earlier failures have to be waited for
  not_found,
  already_exists,
  conflict,           // a version or state other than the one the caller expected
  unauthenticated,    // who speaks is not proven
  permission_denied,  // who speaks is known and may not
  unavailable,        // not now: closed, shutting down, overloaded
  timed_out,
  io,        // the operating system refused a read or write
  no_space,  // the disk is full
  corrupt,   // stored bytes fail their check
  unsupported,
  cancelled,
  internal,
};

/// The error's stable name, e.g. "not_found". It appears in API answers, logs and metrics.
std::string_view errc_name(Errc code);

}  // namespace dunlin
