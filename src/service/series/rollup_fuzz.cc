// Rollups that a broken disk made up: refused, or parts that encode and decode to themselves and take more.
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "service/series/rollup.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::series;
  if (size == 0) return 0;
  constexpr WallTime kDay{std::chrono::days{19'000}};
  const RollupLength length = kRollupLengths[data[0] % kRollupLengths.size()];
  const std::string_view value = as_text({data + 1, size - 1});
  RollupDay day(kDay);
  if (!day.load(length, value)) return 0;
  const std::string bytes = encode_parts(kDay, day.parts(length));
  const auto again = decode_parts(kDay, length, bytes);
  DUNLIN_ASSERT(again.has_value() && encode_parts(kDay, *again) == bytes);
  store::ChunkPoints points;
  points.times = {unix_nanoseconds(kDay), unix_nanoseconds(kDay + std::chrono::hours{12})};
  points.values = std::vector<double>{1, 2};
  day.add(points, 0, 2);
  day.take_out(kDay, kDay + std::chrono::hours{1});
  return 0;
}
