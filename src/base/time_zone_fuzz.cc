// Any bytes as a file of a time zone: refused, or days that follow each other.
#include <cstdlib>

#include "base/time_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  const auto zone = TimeZone::decode({data, size});
  if (!zone) return 0;
  for (const std::int64_t day : {-100'000LL, -1LL, 0LL, 20'000LL, 20'530LL, 90'000LL}) {
    const WallTime begin = zone->begin_of_day(day);
    if (zone->begin_of_day(day + 2) < begin) std::abort();
    if (zone->offset_at(begin) > std::chrono::hours{26}) std::abort();
  }
  return 0;
}
