// No text crashes the parser or the planner, and what is planned runs to an end over a small store.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "base/virtual_executor.h"
#include "service/query/answer.h"
#include "service/query/query_service.h"
#include "service/query/syntax.h"
#include "service/series/sample_disk.h"
#include "store/testing/fake_stores.h"

using namespace dunlin;

namespace {

class NoTags final : public query::TagSource {
 public:
  void load(TenantId, std::move_only_function<void(Result<void>)> loaded) override { loaded({}); }
  std::vector<std::string> names(TenantId) const override { return {"fleet"}; }
  std::optional<std::string> attribute(TenantId, std::string_view device,
                                       std::string_view name) const override {
    if (name != "fleet" || device == "truck_1") return std::nullopt;
    return "South";
  }
  std::vector<query::ThingRow> things(TenantId) const override {
    return {{"truck_0", "truck", "", "enabled", {{"fleet", "South"}}}};
  }
};

/// A store of two trucks, which all inputs ask.
struct World {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  metrics::Registry metrics;
  store::testing::FakeKeyed keyed;
  series::SampleDisk disk;
  series::SeriesStore store{executor, keyed, disk.open(executor, metrics), metrics};
  NoTags tags;
  query::QueryService service{executor, store, tags, metrics};

  World() {
    store.open([](Result<void> opened) { DUNLIN_ASSERT(opened); });
    scheduler.run_ready();
    std::vector<model::Sample> samples;
    for (int i = 0; i < 40; ++i) {
      model::Sample sample;
      sample.device = i % 2 == 0 ? "truck_0" : "truck_1";
      sample.channel = i % 3 == 0 ? "readings/velocity" : i % 3 == 1 ? "readings/fuel" : "status";
      sample.t_source = WallTime{std::chrono::seconds{1'700'000'000 + i * 50}};
      if (i % 3 == 2) {
        sample.value = std::string("ok");
      } else {
        sample.value = i / 4.0;
      }
      samples.push_back(std::move(sample));
    }
    store.write(samples, "fuzz", {}, [](const auto& written) { DUNLIN_ASSERT(written); });
    scheduler.run_ready();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const std::string sql(reinterpret_cast<const char*>(data), size);
  const bool parses = query::parse_query(sql).has_value();
  bool has_ended = false;
  query::RowSink sink;
  std::size_t width = 0;
  sink.columns = [&](const auto& names, const auto& types) {
    DUNLIN_ASSERT(parses && names.size() == types.size());
    width = names.size();
  };
  sink.rows = [&](const query::Batch& batch, const query::TextPool& texts) {
    DUNLIN_ASSERT(batch.columns.size() == width);
    std::string text;
    for (std::size_t row = 0; row < batch.rows; ++row) query::add_csv_row(text, batch, texts, row);
    return query::RowSink::Go::on;
  };
  const query::QueryId id =
      world.service.start({kDefaultTenant, sql}, std::move(sink), [&](Result<query::QueryCost> cost) {
        DUNLIN_ASSERT(parses || !cost);
        has_ended = true;
      });
  world.scheduler.run_ready(20'000);
  if (!has_ended) world.service.cancel(id);
  DUNLIN_ASSERT(has_ended);
  return 0;
}
