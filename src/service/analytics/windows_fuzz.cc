// Saved states that a broken disk or an enemy made up: refused, or windows that go on and save themselves.
#include <cstdlib>

#include "base/core/bytes.h"
#include "service/analytics/windows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::analytics;
  using std::chrono::seconds;
  if (size < 2) return 0;
  const std::array<WindowOptions, 5> kinds{{{TumblingWindow{seconds{10}}, seconds{5}},
                                            {HoppingWindow{seconds{60}, seconds{15}}},
                                            {SlidingWindow{seconds{10}}},
                                            {SessionWindow{seconds{10}, seconds{60}}},
                                            {CountWindow{6, 4}}}};
  WindowOptions options = kinds[data[1] % kinds.size()];
  options.aggregate.percentiles = AggregateOptions::Percentiles::kept;
  options.idle = seconds{1};
  KeyedWindows windows(options);
  if (!windows.restore("a", as_text({data, size}))) return 0;
  for (int i = 0; i < 40; ++i) {
    const WallTime time{std::chrono::hours{400'000} + seconds{i * 3}};
    for (const WindowResult& result : windows.add("a", {time, i * 1.5}, time)) {
      if (result.span.values.count() == 0 || result.span.begin > result.span.end) std::abort();
      result.span.values.percentile(0.9);
    }
  }
  const std::string saved = windows.save("a");
  KeyedWindows again(options);
  if (!again.restore("a", saved)) std::abort();
  windows.look(WallTime{std::chrono::hours{400'001}});
  windows.close();
  return 0;
}
