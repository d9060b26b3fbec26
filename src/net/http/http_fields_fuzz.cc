// Fields about parts and digests of representations: any text is read, ignored or refused, and a range lies
// inside its body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "net/http/digest_field.h"
#include "net/http/range.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::net::http;
  if (size < 8) return 0;
  std::uint64_t length = 0;
  std::memcpy(&length, data, sizeof length);
  const std::string_view text = as_text(ByteView(data + 8, size - 8));
  const RangeAnswer answer = read_range(text, length);
  if (answer.outcome == RangeAnswer::Outcome::part) {
    DUNLIN_ASSERT(answer.range.first <= answer.range.last && answer.range.last < length);
    const auto back = parse_content_range(content_range(answer.range, length));
    DUNLIN_ASSERT(back && back->range == answer.range && back->size == length);
  }
  if (const auto read = parse_content_range(text))
    DUNLIN_ASSERT(read->range.first <= read->range.last && read->range.last < read->size);
  static_cast<void>(if_range_holds(text, "sha256-00"));
  for (const char* field : {"Repr-Digest", "Digest"}) {
    const Headers headers{{field, std::string(text)}};
    const auto hash = read_sha256(headers);
    if (hash && *hash) DUNLIN_ASSERT(read_sha256({{"Repr-Digest", repr_digest(**hash)}}).value() == *hash);
  }
  return 0;
}
