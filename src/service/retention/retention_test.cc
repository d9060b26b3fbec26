#include <boost/json.hpp>

#include "service/retention/retention_service.h"
#include "service/series/store_fixture.h"

namespace dunlin::retention {
namespace {

using series::kWindow;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

model::TagOf tags(std::map<std::string, std::string, std::less<>> all) {
  return [all = std::move(all)](std::string_view name) -> std::optional<std::string> {
    const auto found = all.find(name);
    if (found == all.end()) return std::nullopt;
    return found->second;
  };
}

TEST(RetentionRuleTest, TheMostSpecificCounts) {
  const std::vector<Rule> rules = {{"all", "", {}, days{400}, {}},
                                   {"debug", "debug/*", {}, days{7}, {}},
                                   {"debug-long", "debug/long/*", {}, days{8}, {}},
                                   {"model", "", {{"model", "H-2"}}, days{30}, {}},
                                   {"model-channel", "temperature", {{"model", "H-2"}}, days{90}, {}}};
  const auto name = [&](std::string_view channel, const model::TagOf& tag) {
    const Rule* rule = rule_for(rules, channel, tag);
    return rule == nullptr ? std::string("none") : rule->name;
  };
  EXPECT_EQ(name("temperature", tags({})), "all");
  EXPECT_EQ(name("debug/x", tags({})), "debug");
  EXPECT_EQ(name("debug/long/x", tags({})), "debug-long");
  EXPECT_EQ(name("debug/x", tags({{"model", "H-2"}})), "model");
  EXPECT_EQ(name("temperature", tags({{"model", "H-2"}})), "model-channel");
  EXPECT_EQ(name("temperature", tags({{"model", "G-2000"}})), "all");
  EXPECT_EQ(rule_for({}, "x", tags({})), nullptr);
}

TEST(RetentionRuleTest, SaysWhatIsWrongWithIt) {
  const auto code = [](const char* text) {
    const auto rule = rule_from_json(boost::json::parse(text).as_object());
    return rule ? "taken" : std::string(errc_name(rule.error().code));
  };
  EXPECT_EQ(code(R"({"name":"a","keep":"90d","channel":"x/*","tags":{"model":"H-2"}})"), "taken");
  EXPECT_EQ(code(R"({"name":"a","keep_hours":"90d"})"), "taken");
  EXPECT_EQ(code(R"({"name":"a","keep":"90d","keep_hours":"90d","keep_days":"3650d"})"), "taken");
  for (const char* wrong :
       {R"({"name":"a","keep":"90d","keep_hours":"30d"})", R"({"name":"a","keep_days":"soon"})",
        R"({"keep":"90d"})", R"({"name":"a b","keep":"90d"})", R"({"name":"a"})",
        R"({"name":"a","keep":"1h"})", R"({"name":"a","keep":"soon"})",
        R"({"name":"a","keep":"90d","channel":"*x"})", R"({"name":"a","keep":"90d","tags":{"model":2}})",
        R"({"name":"a","keep":"90d","tags":[]})"})
    EXPECT_EQ(code(wrong), "invalid_argument") << wrong;
}

class RetentionTest : public series::SealingTest {
 protected:
  void SetUp() override { begin(); }
  void begin() {
    boot();
    service = std::make_unique<RetentionService>(RetentionEnvironment{
        *executor, *store, repository, *metrics, [](TenantId, auto loaded) { loaded({}); },
        [](TenantId, std::string_view device, std::string_view name) -> std::optional<std::string> {
          if (name == "name") return std::string(device);
          return std::nullopt;
        }});
    service->declare(table);
    Result<void> started = fail(Errc::internal, "not started");
    service->start([&](Result<void> result) { started = std::move(result); });
    settle();
    ASSERT_TRUE(started) << started.error().message;
  }
  void start_again() {
    service.reset();
    store.reset();
    disk.close();
    restart_process();
    begin();
  }
  void write_days(const std::string& channel, int count) {
    for (int day = 0; day < count; ++day)
      for (int hour = 0; hour < 24; ++hour)
        write({sample(now_window() - days{day} - hours{hour}, 1.0, channel)});
    settle();
  }
  std::size_t count(const std::string& channel) {
    const series::SeriesInfo* info = store->find(kDefaultTenant, "press-01", channel);
    if (info == nullptr) return 0;
    std::size_t found = 0;
    store->points(info->id, kDefaultTenant, WallTime::min(), WallTime::max(), 1'000'000,
                  [&](Result<std::vector<series::Point>> read) { found = read->size(); });
    settle();
    return found;
  }

  /// How many points are known of by the day.
  std::size_t told(const std::string& channel) {
    const series::SeriesInfo* info = store->find(kDefaultTenant, "press-01", channel);
    if (info == nullptr) return 0;
    std::size_t found = 0;
    series::ScanVisitor visitor;
    visitor.block = [&](const series::Block& block) {
      found += block.end - block.begin;
      return series::ScanGo::on;
    };
    visitor.part = [&](const store::ChunkSummary& part) {
      found += part.points;
      return series::ScanGo::on;
    };
    store->scan({kDefaultTenant, info->id, WallTime::min(), WallTime::max()}, std::move(visitor),
                [](const Result<void>& result) { EXPECT_TRUE(result); });
    settle();
    return found;
  }

  std::unique_ptr<RetentionService> service;
};

TEST_F(RetentionTest, DeletesWhatIsOlderAndKeepsTheRest) {
  write_days("temperature", 10);
  write_days("debug/x", 10);
  ASSERT_EQ(ask("retention.put", {{"rule", "debug"}, {"channel", "debug/*"}, {"keep", "48h"}}),
            R"({"name":"debug","channel":"debug/*","tags":{},"keep":"2d"})");
  pass(minutes{5});
  EXPECT_EQ(count("temperature"), 240U);
  EXPECT_EQ(count("debug/x"), 49U) << "whole windows";
  pass(days{1});
  EXPECT_LE(count("debug/x"), 26U);
  EXPECT_GE(count("debug/x"), 24U);
  start_again();
  EXPECT_EQ(call("retention.list", {})->at("rules").as_array().size(), 1U);
  pass(days{3});
  EXPECT_EQ(count("debug/x"), 0U);
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "debug/x"), nullptr) << "nothing is left of it";
  EXPECT_EQ(count("temperature"), 240U);
  EXPECT_GT(counted("dunlin_retention_deletions_total"), 0);
}

TEST_F(RetentionTest, ARuleThatIsRemovedDeletesNothingMore) {
  write_days("temperature", 10);
  EXPECT_EQ(ask("retention.put", {{"rule", "all"}, {"keep", "48h"}, {"tags", {{"name", "press-02"}}}}),
            R"({"name":"all","channel":"","tags":{"name":"press-02"},"keep":"2d"})");
  pass(hours{2});
  EXPECT_EQ(count("temperature"), 240U) << "of another device";
  ask("retention.put", {{"rule", "all"}, {"keep", "48h"}});
  EXPECT_EQ(ask("retention.delete", {{"rule", "all"}}), "{}");
  EXPECT_EQ(ask("retention.delete", {{"rule", "all"}}), "not_found");
  pass(hours{2});
  EXPECT_EQ(count("temperature"), 240U);
}

TEST_F(RetentionTest, IsAppliedAtOnceWhenAsked) {
  write_days("temperature", 10);
  ask("retention.put", {{"rule", "all"}, {"keep", "48h"}});
  settle();
  EXPECT_EQ(count("temperature"), 240U) << "there is time to think again";
  EXPECT_EQ(ask("retention.apply", {}), "{}");
  pass(std::chrono::milliseconds{1});
  EXPECT_EQ(count("temperature"), 49U);
  pass(minutes{30});
  EXPECT_EQ(counted("dunlin_retention_sweeps_total"), 1) << "the next one is within the hour again";
}

TEST_F(RetentionTest, RollupsAreKeptLongerThanPoints) {
  write_days("temperature", 10);
  pass(minutes{10});  // it is sealed
  ASSERT_EQ(
      ask("retention.put", {{"rule", "thin"}, {"keep", "72h"}, {"keep_hours", "7d"}, {"keep_days", "400d"}}),
      R"({"name":"thin","channel":"","tags":{},"keep":"3d","keep_hours":"7d","keep_days":"400d"})");
  pass(minutes{5});
  EXPECT_LE(count("temperature"), 96U);
  EXPECT_GE(count("temperature"), 72U) << "whole days";
  EXPECT_EQ(told("temperature"), 240U);
  const series::SeriesEntry& entry = *store->entries(kDefaultTenant, "")[0];
  EXPECT_GT(entry.rollups.bytes, 0U);
  EXPECT_EQ(entry.rollups.from[0], WallTime::max()) << "no minutes";
  EXPECT_GT(entry.rollups.from[1], entry.rollups.from[2]);
  start_again();
  EXPECT_EQ(told("temperature"), 240U);
  pass(days{10});
  EXPECT_EQ(count("temperature"), 0U);
  EXPECT_EQ(told("temperature"), 240U);
  // A rule that asks for none takes them away with the points.
  ask("retention.put", {{"rule", "thin"}, {"keep", "72h"}});
  pass(minutes{5});
  EXPECT_TRUE(keyed.rows(store::Table::rollup).empty());
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "temperature"), nullptr);
}

TEST_F(RetentionTest, ARuleIsForItsTenantOnly) {
  write_days("temperature", 10);
  constexpr TenantId kOther{2};
  std::vector<model::Sample> samples;
  for (int day = 0; day < 10; ++day) {
    samples.push_back(sample(now_window() - days{day}, 1.0));
    samples.back().tenant = kOther;
  }
  write(std::move(samples));
  settle();
  const auto count_other = [&] {
    std::size_t found = 0;
    const series::SeriesInfo* info = store->find(kOther, "press-01", "temperature");
    if (info == nullptr) return found;
    store->points(info->id, kOther, WallTime::min(), WallTime::max(), 1000,
                  [&](Result<std::vector<series::Point>> read) { found = read->size(); });
    settle();
    return found;
  };
  act_for(kOther);
  ask("retention.put", {{"rule", "mine"}, {"keep", "72h"}});
  pass(minutes{5});
  EXPECT_EQ(count("temperature"), 240U);
  EXPECT_EQ(count_other(), 4U);
  act_for(kDefaultTenant);
  EXPECT_EQ(ask("retention.list", {}), R"({"rules":[]})");
  EXPECT_EQ(ask("retention.delete", {{"rule", "mine"}}), "not_found");
  start_again();
  pass(days{2});
  EXPECT_EQ(count_other(), 2U) << "the rule is read again";
  act_for(kOther);
  EXPECT_EQ(call("retention.list", {})->at("rules").as_array().size(), 1U);
}

TEST_F(RetentionTest, AFullDiskPutsItOff) {
  write_days("temperature", 10);
  ask("retention.put", {{"rule", "all"}, {"keep", "48h"}});
  pass(std::chrono::seconds{59});
  disk.refuse_next_write();
  pass(minutes{2});
  EXPECT_EQ(count("temperature"), 240U);
  pass(minutes{5});
  EXPECT_EQ(count("temperature"), 49U);
}

}  // namespace
}  // namespace dunlin::retention
