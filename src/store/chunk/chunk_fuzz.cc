// Stored chunks that a broken disk or an enemy made up: refused, or points that encode and decode to
// themselves.
#include <cstdlib>

#include "store/chunk/chunk.h"
#include "store/chunk/random_points.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::store;
  constexpr std::int64_t kFirst = 1'700'000'000'000'000'000;
  const std::string_view chunk = as_text({data, size});
  const auto points = decode_chunk(kFirst, chunk);
  const auto summary = read_chunk_summary(kFirst, chunk);
  if (!points) return 0;
  if (!summary || summary->points != points->times.size()) std::abort();
  const auto again = decode_chunk(kFirst, encode_chunk(*points));
  if (!again || !same_points(*again, *points)) std::abort();
  return 0;
}
