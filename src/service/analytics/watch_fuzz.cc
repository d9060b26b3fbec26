// Saved states that a broken disk or an enemy made up: refused, or a watch that goes on and saves itself.
#include <cstdlib>

#include "base/core/bytes.h"
#include "service/analytics/watch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::analytics;
  if (size < 2) return 0;
  const std::array<WatchOptions, 6> kinds{{{ThresholdOptions{.low = -3, .high = 3}, {}},
                                           {RateOptions{.rising = 2, .over = std::chrono::seconds{20}}, {}},
                                           {FlatOptions{}, {}},
                                           {MissingOptions{}, {}},
                                           {RobustOptions{.window = 30}, {}},
                                           {SeasonalOptions{.season = 12}, {}}}};
  const WatchOptions& options = kinds[data[1] % kinds.size()];
  auto watch = Watch::load(options, as_text({data, size}));
  if (!watch) return 0;
  for (int i = 0; i < 50; ++i) {
    const auto event = watch->add(WallTime{std::chrono::minutes{i}}, i % 10 == 9 ? 1e6 : i);
    if (event && event->judgement.value != event->judgement.value) std::abort();
    watch->look(WallTime{std::chrono::minutes{i * 2}});
  }
  if (!Watch::load(options, watch->save())) std::abort();
  return 0;
}
