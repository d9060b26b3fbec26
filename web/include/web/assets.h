#pragma once
// The built dashboard, embedded in the program.

#include <span>
#include <string_view>

#include "base/core/bytes.h"

namespace dunlin::web {

/// One file. Everything it views is part of the program's read-only data and lives as long as the program.
struct Asset {
  std::string_view path;  // from the root, e.g. "/index.html"; what lies under "/assets/" has its content's
                          // hash in its name and never changes, so it may be cached for good
  std::string_view content_type;  // ready for the header of that name
  std::string_view etag;  // strong, with its quotes (RFC 9110 section 8.8.3); that of the identity form
  ByteView identity;
  ByteView brotli;  // RFC 7932; empty where it would not be smaller
  ByteView gzip;    // RFC 1952; empty where it would not be smaller
};

/// All files, sorted by path; empty in a program built with DUNLIN_WEB off. Any thread.
std::span<const Asset> assets();

}  // namespace dunlin::web
