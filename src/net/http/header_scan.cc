#include "net/http/header_scan.h"

#include <algorithm>
#include <utility>

#include "net/http/limits.h"

namespace dunlin::net::http {
namespace {

std::unexpected<Refusal> refuse(int status, std::string message) {
  return std::unexpected(Refusal{status, std::move(message)});
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_host_character(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c)) return true;
  return c != '\0' && std::string_view{"-._~%!$&'()*+,;=:[]"}.find(c) != std::string_view::npos;
}

}  // namespace

std::expected<std::optional<std::size_t>, Refusal> HeaderScan::look(ByteView bytes) {
  for (; at_ < bytes.size(); ++at_) {
    if (at_ == kMaxHeaderBytes) return refuse(431, "the header is too long");
    const std::uint8_t byte = bytes[at_];
    const auto end = step(byte);
    if (!end) return std::unexpected(end.error());
    previous_ = byte;
    if (*end) return at_ + 1;
  }
  return std::nullopt;
}

/// True at the last byte of the header.
std::expected<bool, Refusal> HeaderScan::step(std::uint8_t byte) {
  if (byte == 0) return refuse(400, "the header holds a NUL");
  if (previous_ == '\r' && byte != '\n') return refuse(400, "the header holds a CR without LF");
  if (byte == '\n') {
    if (previous_ != '\r') return refuse(400, "the header holds an LF without CR");
    if (at_ - line_start_ == 1 && lines_ > 0) return true;
    line_start_ = at_ + 1;
    ++lines_;
    // The start line is one line more.
    if (lines_ > kMaxHeaderFields + 1) return refuse(431, "the header has too many fields");
    return false;
  }
  const bool blank = byte == ' ' || byte == '\t';
  if (blank && at_ == line_start_)
    return refuse(400, lines_ == 0 ? "the start line begins with a blank" : "the header has a folded line");
  return false;
}

std::expected<bool, Refusal> scan_chunk_header(std::string_view bytes, std::size_t offset) {
  bool quoted = false;
  for (std::size_t at = offset; at < bytes.size(); ++at) {
    if (at - offset == kMaxTrailerBytes) return refuse(400, "a chunk header or trailer is too long");
    const char c = bytes[at];
    if (c == '\n') return refuse(400, "a chunk header holds an LF without CR");
    if (c == '\r') {
      if (at + 1 == bytes.size()) return false;
      if (bytes[at + 1] != '\n') return refuse(400, "a chunk header holds a CR without LF");
      if (quoted) return refuse(400, "a quoted chunk extension has no end");
      return true;
    }
    if (c == '"') quoted = !quoted;
    if (c == '\\' && quoted) ++at;
  }
  return false;
}

std::optional<Refusal> check_framing(const Headers& headers, Version version) {
  const auto length = headers.get("Content-Length");
  const auto coding = headers.get("Transfer-Encoding");
  if (headers.count("Content-Length") > 1) return Refusal{400, "Content-Length is given more than once"};
  if (length &&
      (length->empty() || length->size() > 19 || !std::all_of(length->begin(), length->end(), is_digit))) {
    return Refusal{400, "Content-Length is not a number"};
  }
  if (!coding) return std::nullopt;
  if (length) return Refusal{400, "both Content-Length and Transfer-Encoding are given"};
  if (version == Version::http_1_0) return Refusal{400, "Transfer-Encoding is given under HTTP/1.0"};
  if (headers.count("Transfer-Encoding") > 1)
    return Refusal{400, "Transfer-Encoding is given more than once"};
  if (!equals_ignoring_case(*coding, "chunked")) return Refusal{400, "Transfer-Encoding is not chunked"};
  return std::nullopt;
}

std::optional<Refusal> check_host(const Headers& headers, Version version) {
  const std::size_t hosts = headers.count("Host");
  if (hosts > 1) return Refusal{400, "Host is given more than once"};
  if (hosts == 0)
    return version == Version::http_1_0 ? std::nullopt : std::optional{Refusal{400, "Host is missing"}};
  const auto host = *headers.get("Host");
  // Clients send an empty one when the target has no authority (RFC 9112 section 3.2).
  if (!std::all_of(host.begin(), host.end(), is_host_character)) return Refusal{400, "Host is malformed"};
  return std::nullopt;
}

bool has_http_version(std::string_view start_line) {
  const auto space = start_line.rfind(' ');
  if (space == std::string_view::npos) return false;
  const auto version = start_line.substr(space + 1);
  return version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
         is_digit(version[7]);
}

}  // namespace dunlin::net::http
