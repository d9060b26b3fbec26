#include "store/chunk/text_column.h"

#include <string_view>
#include <unordered_map>

#include "base/core/assert.h"
#include "store/chunk/integer_column.h"
#include "store/chunk/limits.h"

namespace dunlin::store {

void write_texts(ByteWriter& to, std::span<const std::string> texts) {
  std::unordered_map<std::string_view, std::int64_t> places;
  std::vector<std::string_view> different;
  std::vector<std::int64_t> which;
  which.reserve(texts.size());
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    DUNLIN_ASSERT(text.size() <= kMaxChunkTextBytes);
    bytes += text.size();
    const auto [place, is_new] = places.try_emplace(text, static_cast<std::int64_t>(different.size()));
    if (is_new) different.push_back(text);
    which.push_back(place->second);
  }
  DUNLIN_ASSERT(bytes <= kMaxChunkTextsBytes);
  to.varint(different.size());
  for (const std::string_view text : different) {
    to.varint(text.size());
    to.text(text);
  }
  write_integers(to, which);
}

std::vector<std::string> read_texts(ByteReader& from, std::size_t count) {
  const std::uint64_t all = from.varint();
  if (all > count) from.broken();
  std::vector<std::string_view> different;
  while (from.ok() && different.size() < all) {
    const std::uint64_t size = from.varint();
    if (size > kMaxChunkTextBytes) from.broken();
    different.push_back(from.text(size));
  }
  std::size_t bytes = 0;
  std::vector<std::string> texts;
  for (const std::int64_t place : read_integers(from, count)) {
    if (static_cast<std::uint64_t>(place) >= different.size()) {
      from.broken();
      break;
    }
    const std::string_view text = different[static_cast<std::size_t>(place)];
    bytes += text.size();
    if (bytes > kMaxChunkTextsBytes) {
      from.broken();  // a short chunk may not become a large answer
      break;
    }
    texts.emplace_back(text);
  }
  if (!from.ok()) texts.clear();
  return texts;
}

}  // namespace dunlin::store
