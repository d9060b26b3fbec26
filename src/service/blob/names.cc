#include "service/blob/names.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/core/utf8.h"
#include "service/blob/limits.h"

namespace dunlin::blob {
namespace {

constexpr std::string_view kBytes = "application/octet-stream";

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return letter || kMarks.contains(c);
  });
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

Result<std::string> media_type_of(std::string_view field) {
  std::string type(field.substr(0, field.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  if (type.empty()) return std::string(kBytes);
  std::ranges::transform(type, type.begin(), lower);
  const std::size_t slash = type.find('/');
  const bool right = slash != std::string::npos && is_token(std::string_view(type).substr(0, slash)) &&
                     is_token(std::string_view(type).substr(slash + 1));
  if (right && type.size() <= store::kMaxMediaTypeBytes) return type;
  return fail(Errc::invalid_argument, "the media type must be like image/jpeg, with at most " +
                                          std::to_string(store::kMaxMediaTypeBytes) + " characters");
}

Result<void> check_blob_name(std::string_view name) {
  const bool plain = std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\';
  });
  if (plain && name.size() <= store::kMaxBlobNameBytes && is_valid_utf8(name) && name != "." && name != "..")
    return {};
  return fail(Errc::invalid_argument, "the name must be that of a file, without a folder, of at most " +
                                          std::to_string(store::kMaxBlobNameBytes) + " bytes of UTF-8");
}

std::string_view harmless_type(std::string_view media_type) {
  constexpr std::array<std::string_view, 18> kHarmless = {
      "application/cbor", "application/gzip", "application/json", "application/x-tar", "application/zip",
      "application/zstd", "image/avif",       "image/bmp",        "image/gif",         "image/jpeg",
      "image/png",        "image/webp",       "text/csv",         "text/plain",        "video/mp4",
      "video/webm",       "audio/mpeg",       "audio/ogg"};
  return std::ranges::find(kHarmless, media_type) != kHarmless.end() ? media_type : kBytes;
}

Result<Duration> parse_keep(std::string_view text) {
  const auto wrong = [] {
    return fail(Errc::invalid_argument,
                "how long it is kept must be like 90d, 12h, 30m or 45s, at most 36500d; 0 is for ever");
  };
  if (text == "0") return Duration{};
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end + 1 != text.data() + text.size() || count < 1) return wrong();
  constexpr std::string_view kUnits = "smhd";
  constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86'400};
  const std::size_t unit = kUnits.find(*end);
  if (unit == std::string_view::npos) return wrong();
  const std::int64_t most = std::chrono::duration_cast<std::chrono::seconds>(kLongestKeep).count();
  if (count > most / kSeconds[unit]) return wrong();
  return std::chrono::seconds{count * kSeconds[unit]};
}

}  // namespace dunlin::blob
