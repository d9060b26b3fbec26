#pragma once
// Finds the end of a message header and refuses what a lenient reader and a strict one would cut differently.

#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "base/core/bytes.h"
#include "net/http/message.h"
#include "net/http/refusal.h"

namespace dunlin::net::http {

/// One header. Each call sees the same bytes from the front plus new ones; every byte is looked at once.
class HeaderScan {
 public:
  /// The length of the header with its empty line, or nothing while it is not all there. Refuses NUL, CR or
  /// LF alone, folded lines (RFC 9112 sections 2.2, 5.2), more than kMaxHeaderBytes or kMaxHeaderFields.
  std::expected<std::optional<std::size_t>, Refusal> look(ByteView bytes);

 private:
  std::expected<bool, Refusal> step(std::uint8_t byte);

  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::size_t lines_ = 0;
  std::uint8_t previous_ = 0;
};

/// Whether the header line of a chunk that begins at `offset` of `bytes` is all there (RFC 9112 section 7.1).
/// Refuses CR or LF alone, a quoted extension without an end and more than kMaxTrailerBytes.
std::expected<bool, Refusal> scan_chunk_header(std::string_view bytes, std::size_t offset);

/// What the framing fields say, by the strict reading of RFC 9112 section 6.
std::optional<Refusal> check_framing(const Headers& headers, Version version);
/// Exactly one well-formed Host under HTTP/1.1, at most one under 1.0 (RFC 9112 section 3.2).
std::optional<Refusal> check_host(const Headers& headers, Version version);
/// True if the line is METHOD SP TARGET SP "HTTP/" DIGIT "." DIGIT: an unknown version rather than no HTTP at
/// all.
bool has_http_version(std::string_view start_line);

}  // namespace dunlin::net::http
