#include "store/log_cursors.h"

#include <algorithm>
#include <array>
#include <map>

#include "store/crc32c.h"
#include "store/encoding.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {
constexpr std::array<std::uint8_t, 8> kMagic{'D', 'U', 'N', 'L', 'I', 'N', 'C', 0x0A};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;
}  // namespace

bool LogCursors::set(std::string_view name, Position position) {
  const auto found = positions_.find(name);
  if (found != positions_.end()) {
    found->second = position;
    return true;
  }
  if (name.size() > kMaxCursorName || positions_.size() >= kMaxCursors) return false;
  positions_.emplace(std::string{name}, position);
  return true;
}

bool LogCursors::remove(std::string_view name) {
  const auto found = positions_.find(name);
  if (found == positions_.end()) return false;
  positions_.erase(found);
  return true;
}

std::optional<Position> LogCursors::find(std::string_view name) const {
  const auto found = positions_.find(name);
  if (found == positions_.end()) return std::nullopt;
  return found->second;
}

std::optional<Position> LogCursors::least() const {
  std::optional<Position> least;
  for (const auto& [name, position] : positions_) least = std::min(least.value_or(position), position);
  return least;
}

Position LogCursors::greatest() const {
  Position greatest = 0;
  for (const auto& [name, position] : positions_) greatest = std::max(greatest, position);
  return greatest;
}

std::vector<std::uint8_t> LogCursors::encode(Position kept_from) const {
  // Sorted, so that the same cursors always give the same bytes.
  const std::map<std::string_view, Position> sorted(positions_.begin(), positions_.end());
  std::vector<std::uint8_t> bytes(kMagic.begin(), kMagic.end());
  append_number(bytes, kVersion);
  append_number(bytes, static_cast<std::uint32_t>(sorted.size()));
  append_number(bytes, kept_from);
  for (const auto& [name, position] : sorted) {
    append_text(bytes, name);
    append_number(bytes, position);
  }
  append_number(bytes, crc32c(0, bytes));
  return bytes;
}

Result<LogCursors::Decoded> LogCursors::decode(ByteView bytes) {
  if (bytes.size() < kMagic.size() + kChecksumBytes ||
      !std::ranges::equal(bytes.first(kMagic.size()), kMagic)) {
    return fail(Errc::corrupt, "not a file of cursors");
  }
  const ByteView body = bytes.first(bytes.size() - kChecksumBytes);
  if (load_number<std::uint32_t>(body.data() + body.size()) != crc32c(0, body)) {
    return fail(Errc::corrupt, "the file of cursors fails its checksum");
  }
  Decoder decoder(body.subspan(kMagic.size()));
  const auto version = decoder.number<std::uint32_t>();
  if (version != kVersion) return fail(Errc::unsupported, "cursor file version " + std::to_string(version));
  const auto count = decoder.number<std::uint32_t>();
  Decoded decoded;
  decoded.kept_from = decoder.number<Position>();
  for (std::uint32_t i = 0; i < count && decoder.ok(); ++i) {
    const std::string name = decoder.text();
    const auto position = decoder.number<Position>();
    if (decoder.ok() && !decoded.cursors.set(name, position)) {
      return fail(Errc::corrupt, "the file of cursors holds an impossible name");
    }
  }
  if (!decoder.ok() || decoder.left() != 0) return fail(Errc::corrupt, "the file of cursors is cut off");
  return decoded;
}

}  // namespace dunlin::store
