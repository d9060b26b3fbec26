// Saved states that a broken disk or an enemy made up: refused, or a detector that goes on and saves itself.
#include <cstdlib>

#include "base/core/bytes.h"
#include "service/analytics/detector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::analytics;
  auto detector = Detector::load(as_text({data, size}));
  if (!detector) return 0;
  constexpr std::uint8_t kFirstVersion = 1;  // begins anew
  if (data[0] != kFirstVersion && detector->save() != as_text({data, size})) std::abort();
  for (int i = 0; i < 50; ++i) {
    const double value = i % 10 == 9 ? 1e6 : i;
    const Verdict verdict = detector->add(WallTime{std::chrono::minutes{i * 7}}, value);
    if (!(verdict.score >= 0 && verdict.score <= 1)) std::abort();
    if (verdict.expected && !(verdict.expected->low <= verdict.expected->high)) std::abort();
  }
  if (!Detector::load(detector->save())) std::abort();
  return 0;
}
