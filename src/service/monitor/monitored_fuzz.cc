// Saved states that a broken disk or an enemy made up: refused, or a monitor that goes on and saves itself.
#include <cstdlib>

#include "base/core/bytes.h"
#include "service/monitor/monitored.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::monitor;
  static const Monitor kMonitor;
  auto state = Monitored::load(kMonitor, as_text({data, size}));
  if (!state) return 0;
  for (int i = 0; i < 50; ++i) {
    const auto event = state->add(WallTime{std::chrono::minutes{i}}, i % 10 == 9 ? 1e6 : i);
    if (event && reason(kMonitor, *event).empty()) std::abort();
  }
  if (!Monitored::load(kMonitor, state->save())) std::abort();
  return 0;
}
