// Saved states that a broken disk or an enemy made up: refused, or a forecaster that goes on and saves
// itself.
#include <cmath>
#include <cstdlib>

#include "base/core/bytes.h"
#include "service/analytics/forecaster.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::analytics;
  auto forecaster = Forecaster::load(as_text({data, size}));
  if (!forecaster) return 0;
  // Numbers of variable length have longer forms too, so what was given need not be what is saved.
  const auto again = Forecaster::load(forecaster->save());
  if (!again || again->save() != forecaster->save()) std::abort();
  for (int i = 0; i < 40; ++i) forecaster->add(WallTime{std::chrono::minutes{i * 30}}, i % 12);
  for (const Forecast& forecast : forecaster->next(50)) {
    if (!std::isfinite(forecast.value) || !(forecast.band.low <= forecast.band.high)) std::abort();
  }
  forecaster->reach(1e6, 10);
  if (!Forecaster::load(forecaster->save())) std::abort();
  return 0;
}
