#include "service/derived/derived_service.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/rng.h"
#include "model/testing/service_test.h"
#include "service/series/sample_disk.h"

namespace dunlin::derived {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

struct DerivedTest : model::testing::ServiceTest {
  void boot() {
    store = std::make_unique<series::SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    derived = std::make_unique<DerivedService>(DerivedEnvironment{
        *executor, keyed, repository, *store, *metrics,
        [](TenantId, std::move_only_function<void(Result<void>)> loaded) { loaded({}); },
        [this](TenantId, std::string_view device, std::string_view name) -> std::optional<std::string> {
          if (name == "site" && tagged.contains(std::string(device))) return "plant1";
          return std::nullopt;
        }});
    derived->declare(table);
    store->open([](Result<void> opened) { ASSERT_TRUE(opened.has_value()); });
    settle();
    derived->start([](Result<void> started) { ASSERT_TRUE(started.has_value()); });
    settle();
  }
  /// As after SIGKILL: what was not saved is gone.
  void crash() {
    derived.reset();
    store.reset();
    disk.close();
    restart_process();
    boot();
  }
  void SetUp() override { boot(); }

  /// Gives the error's message, or nothing.
  std::string set(const std::string& name, std::string_view document) {
    auto request = boost::json::parse(document).as_object();
    request["derived"] = name;
    const auto answer = call("derived.set", std::move(request));
    return answer ? "" : answer.error().message;
  }
  void put(const std::string& channel, WallTime time, model::Value value,
           const std::string& device = "press-01") {
    const auto number = store->resolve(kDefaultTenant, device, channel, {});
    store->write_points({{*number, {time, std::move(value)}}},
                        [](Result<void> stored) { ASSERT_TRUE(stored.has_value()); });
  }
  /// At this second of the test.
  WallTime at(int second) const { return begin + seconds{second}; }
  void send(const std::string& channel, int second, model::Value value,
            const std::string& device = "press-01") {
    put(channel, at(second), std::move(value), device);
    settle();
  }
  /// "second=value" of all of a series.
  std::vector<std::string> results(const std::string& channel, const std::string& device = "press-01") {
    std::vector<std::string> found;
    const series::SeriesInfo* info = store->find(kDefaultTenant, device, channel);
    if (info == nullptr) return found;
    store->points(info->id, kDefaultTenant, WallTime::min(), WallTime::max(), 1'000'000, [&](auto read) {
      for (const series::Point& point : *read) {
        const auto* text = std::get_if<std::string>(&point.value);
        const auto second = std::chrono::duration_cast<seconds>(point.time - begin).count();
        found.push_back(std::to_string(second) + "=" +
                        (text != nullptr ? *text : shown(*model::number_of(point.value))));
        EXPECT_EQ(point.flags, model::kDerived);
      }
    });
    settle();
    return found;
  }
  static std::string shown(double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
  }
  using Texts = std::vector<std::string>;

  const WallTime begin = clock.wall_now() - hours{2};
  std::set<std::string> tagged;
  series::SampleDisk disk;
  std::unique_ptr<series::SeriesStore> store;
  std::unique_ptr<DerivedService> derived;
};

constexpr std::string_view kPower = R"j({"channel":"power","expression":"voltage * current","unit":"W"})j";

TEST_F(DerivedTest, ComputesWithTheLastValuesOfADevicesChannels) {
  ASSERT_EQ(set("power", kPower), "");
  send("voltage", 0, 230.0);
  send("current", 1, 2.0);
  send("voltage", 5, 231.0);
  send("current", 5, 3.0);
  send("current", 6, 9.0, "press-02");
  EXPECT_EQ(results("power"), (Texts{"1=460", "5=693"}));
  EXPECT_EQ(results("power", "press-02"), Texts{}) << "its voltage is not known";
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "power")->unit, "W");
}

TEST_F(DerivedTest, WhatWasStoredBeforeCountsAsKnown) {
  send("voltage", 0, 230.0);
  ASSERT_EQ(set("power", kPower), "");
  send("current", 1, 2.0);
  EXPECT_EQ(results("power"), Texts{"1=460"});
}

TEST_F(DerivedTest, ValuesThatAreTooOldAreMissing) {
  ASSERT_EQ(set("power", R"j({"channel":"power","expression":"voltage * current","max_age":"10s"})j"), "");
  send("voltage", 0, 230.0);
  send("current", 10, 1.0);
  send("current", 11, 2.0);
  EXPECT_EQ(results("power"), Texts{"10=230"});
}

TEST_F(DerivedTest, DerivesFromDerivedChannels) {
  ASSERT_EQ(set("power", kPower), "");
  ASSERT_EQ(set("hot", R"j({"channel":"overload","expression":"power > 500"})j"), "");
  ASSERT_EQ(set("word", R"j({"channel":"state","expression":"CASE WHEN overload = 1 THEN 'over' END"})j"),
            "");
  EXPECT_THAT(set("loop", R"j({"channel":"voltage","expression":"overload + 1"})j"),
              HasSubstr("computed from itself: voltage <- overload <- power <- voltage"));
  send("voltage", 0, 230.0);
  for (int i = 1; i < 4; ++i) send("current", i, i * 1.0);
  EXPECT_EQ(results("overload"), (Texts{"1=0", "2=0", "3=1"}));
  EXPECT_EQ(results("state"), Texts{"3=over"});
}

TEST_F(DerivedTest, WindowsEndWithTheSample) {
  ASSERT_EQ(set("smooth", R"j({"channel":"smooth","expression":"mean(t, '10s')"})j"), "");
  ASSERT_EQ(set("spread", R"j({"channel":"spread","expression":"max(t, '10s') - min(t, '10s')"})j"), "");
  ASSERT_EQ(set("n", R"j({"channel":"n","expression":"count(t, '10s')"})j"), "");
  for (const auto& [second, value] : {std::pair{0, 10.0}, {5, 20.0}, {10, 30.0}, {30, 7.0}})
    send("t", second, value);
  EXPECT_EQ(results("smooth"), (Texts{"0=10", "5=15", "10=25", "30=7"})) << "(end - 10s, end]";
  EXPECT_EQ(results("spread"), (Texts{"0=0", "5=10", "10=10", "30=0"}));
  EXPECT_EQ(results("n"), (Texts{"0=1", "5=2", "10=2", "30=1"}));
}

TEST_F(DerivedTest, WindowsThatFollowEachOtherAreStoredAtTheirBegin) {
  const WallTime whole = from_unix_nanoseconds(unix_nanoseconds(begin) / 60'000'000'000 * 60'000'000'000);
  ASSERT_EQ(set("m", R"j({"channel":"t_mean","expression":"mean(t)","window":"1m"})j"), "");
  ASSERT_EQ(set("p", R"j({"channel":"t_p","expression":"percentile(t, 0.5)",
                         "window":{"kind":"hopping","length":"1m","hop":"30s"}})j"),
            "");
  for (int i = 0; i < 5; ++i) {
    put("t", whole + seconds{i * 30}, 10.0 * i);
    settle();
  }
  std::vector<std::pair<std::int64_t, double>> found;
  const series::SeriesInfo* info = store->find(kDefaultTenant, "press-01", "t_mean");
  ASSERT_NE(info, nullptr);
  store->points(info->id, kDefaultTenant, WallTime::min(), WallTime::max(), 10, [&](auto read) {
    for (const auto& point : *read)
      found.push_back({(point.time - whole) / seconds{1}, *model::number_of(point.value)});
  });
  settle();
  EXPECT_EQ(found, (decltype(found){{0, 5}, {60, 25}}));
  EXPECT_NE(store->find(kDefaultTenant, "press-01", "t_p"), nullptr);
}

TEST_F(DerivedTest, OtherDevicesLastValuesCount) {
  ASSERT_EQ(set("d", R"j({"channel":"above","expression":"t - \"room\".t","devices":"press-*"})j"), "");
  send("t", 0, 20.0, "room");
  send("t", 1, 55.0);
  send("t", 2, 22.0, "room");
  send("t", 3, 56.0);
  EXPECT_EQ(results("above"), (Texts{"1=35", "3=34"}));
  EXPECT_EQ(results("above", "room"), Texts{});
}

TEST_F(DerivedTest, DevicesAreChosenByNameAndTagsAndTheFirstDefinitionByNameCounts) {
  tagged = {"press-01", "fan-01"};
  ASSERT_EQ(
      set("a", R"j({"channel":"x","expression":"t * 10","devices":"press-*","tags":{"site":"plant1"}})j"),
      "");
  ASSERT_EQ(set("b", R"j({"channel":"x","expression":"t * 100"})j"), "");
  for (const char* device : {"press-01", "press-02", "fan-01"}) send("t", 0, 1.0, device);
  EXPECT_EQ(results("x", "press-01"), Texts{"0=10"});
  EXPECT_EQ(results("x", "press-02"), Texts{"0=100"});
  EXPECT_EQ(results("x", "fan-01"), Texts{"0=100"});
  tagged.insert("press-02");
  pass(seconds{15});
  send("t", 1, 1.0, "press-02");
  EXPECT_EQ(results("x", "press-02"), (Texts{"0=100", "1=10"}));
}

TEST_F(DerivedTest, AnOlderSampleIsLateUnlessLatenessWaitsForIt) {
  ASSERT_EQ(set("d", R"j({"channel":"d","expression":"t - previous(t)"})j"), "");
  ASSERT_EQ(set("w", R"j({"channel":"w","expression":"t - previous(t)","lateness":"10s"})j"), "");
  for (const int second : {0, 4, 2, 6, 30}) send("t", second, second * 1.0);
  EXPECT_EQ(results("d"), (Texts{"4=4", "6=2", "30=24"})) << "2 came too late";
  EXPECT_EQ(results("w"), (Texts{"2=2", "4=2", "6=2"}));
  EXPECT_EQ(call("derived.get", {{"derived", "d"}})->at("late").to_number<int>(), 1);
  pass(minutes{2});
  EXPECT_EQ(results("w"), (Texts{"2=2", "4=2", "6=2", "30=24"})) << "it was silent for long";
}

TEST_F(DerivedTest, GoesOnAfterACrash) {
  ASSERT_EQ(set("sum", R"j({"channel":"sum","expression":"sum(t, '1h')","lateness":"2s"})j"), "");
  ASSERT_EQ(set("day", R"j({"channel":"n","expression":"count(t)","window":"10s"})j"), "");
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    send("t", i, 1.0);
    if (i % 7 == 6) pass(seconds{11});
    if (i % 9 == 8) crash();
    if (i >= 2) expected.push_back(std::to_string(i - 2) + "=" + std::to_string(i - 1));
  }
  EXPECT_EQ(results("sum"), expected);
  double counted = 0;
  const series::SeriesInfo* info = store->find(kDefaultTenant, "press-01", "n");
  ASSERT_NE(info, nullptr);
  store->points(info->id, kDefaultTenant, WallTime::min(), WallTime::max(), 100, [&](auto read) {
    for (const auto& point : *read) counted += *model::number_of(point.value);
  });
  settle();
  EXPECT_GE(counted, 30);
  EXPECT_LE(counted, 40);
}

TEST_F(DerivedTest, WaitsForADiskThatIsFull) {
  ASSERT_EQ(set("x", R"j({"channel":"x","expression":"t + 1"})j"), "");
  const auto number = store->resolve(kDefaultTenant, "press-01", "t", {});
  store->write_points({{*number, {at(0), 1.0}}}, [this](Result<void> stored) {
    ASSERT_TRUE(stored.has_value());
    disk.refuse_next_write();  // that of the result
  });
  settle();
  EXPECT_EQ(results("x"), Texts{});
  pass(seconds{5});
  EXPECT_EQ(results("x"), Texts{"0=2"});
  EXPECT_GE(counted("dunlin_derived_write_retries_total"), 1);
  keyed.fail_writes = 3;
  pass(seconds{30});
  send("t", 2, 3.0);
  EXPECT_EQ(results("x"), (Texts{"0=2", "2=4"}));
}

TEST_F(DerivedTest, DefinitionsOutliveARestartAndEndWithTheirDeletion) {
  ASSERT_EQ(set("x", R"j({"channel":"x","expression":"t + 1","devices":"press-*","unit":"Cel",
                         "lateness":"5s","max_age":"1h"})j"),
            "");
  ASSERT_EQ(set("off", R"j({"channel":"off","expression":"t + 1","enabled":false})j"), "");
  const auto without_counts = [this] {
    auto list = call("derived.list", {})->at("derived").as_array();
    for (auto& row : list) row.as_object().erase("active_devices");
    return boost::json::serialize(list);
  };
  const std::string before = without_counts();
  crash();
  EXPECT_EQ(without_counts(), before);
  send("t", 0, 1.0);
  send("t", 10, 1.0);
  EXPECT_EQ(results("x"), Texts{"0=2"});
  EXPECT_EQ(results("off"), Texts{});
  EXPECT_EQ(ask("derived.delete", {{"derived", "x"}}), "{}");
  EXPECT_EQ(ask("derived.get", {{"derived", "x"}}), "not_found");
  crash();
  send("t", 20, 1.0);
  EXPECT_EQ(results("x"), Texts{"0=2"}) << "what is stored stays";
  EXPECT_EQ(ask("derived.delete", {{"derived", "x"}}), "not_found");
}

TEST_F(DerivedTest, HistoryGivesWhatWouldHaveComeLive) {
  for (int i = 0; i < 100; ++i) {
    send("voltage", i * 10, 230.0 + i);
    if (i % 3 == 0) send("current", i * 10 + 5, 1.0 + i);
  }
  ASSERT_EQ(set("power", kPower), "");
  ASSERT_EQ(set("hour", R"j({"channel":"peak","expression":"max(power)","window":"5m"})j"), "");
  EXPECT_EQ(results("power"), Texts{});
  const auto run = [this](const std::string& name, int from, int to) {
    const auto answer =
        call("derived.backfill",
             {{"derived", name}, {"from", unix_milliseconds(at(from))}, {"to", unix_milliseconds(at(to))}});
    return answer ? answer->at("results").to_number<int>() : -1;
  };
  EXPECT_EQ(run("power", 0, 1000), 133);
  const Texts whole = results("power");
  EXPECT_EQ(whole.front(), "5=230");
  EXPECT_EQ(run("power", 500, 600), 13) << "again, with what was known before";
  EXPECT_EQ(results("power"), whole);
  EXPECT_GE(run("hour", 0, 1000), 3);
  EXPECT_EQ(ask("derived.backfill", {{"derived", "none"}, {"from", 0}}), "not_found");
  EXPECT_EQ(ask("derived.backfill", {{"derived", "power"}, {"from", 10}, {"to", 5}}), "invalid_argument");
}

TEST_F(DerivedTest, SamplesOfOneTimeMadeSeveralResultsInATest) {
  for (int i = 0; i < 3; ++i) {
    send("voltage", i, 230.0);
    send("current", i, 1.0 + i);
  }
  const auto told =
      call("derived.test",
           {{"expression", "voltage * current"}, {"device", "press-01"}, {"from", unix_milliseconds(at(0))}});
  EXPECT_EQ(told->at("time").as_array().size(), 3u);
  EXPECT_EQ(boost::json::serialize(told->at("value")), "[2.3E2,4.6E2,6.9E2]");
}

TEST_F(DerivedTest, AHistoryIsFollowedAndCancelled) {
  for (int i = 0; i < 20; ++i) send("t", -86400 * i, 1.0 * i);
  ASSERT_EQ(set("x", R"j({"channel":"x","expression":"t + 1"})j"), "");
  EXPECT_EQ(ask("derived.progress", {{"derived", "x"}}), R"({"running":false})");
  EXPECT_EQ(ask("derived.cancel", {{"derived", "x"}}), "not_found");
  EXPECT_EQ(ask("derived.progress", {{"derived", "y"}}), "not_found");
  const auto invoke = [this](std::string_view name, boost::json::object request) {
    auto answer = std::make_shared<std::string>();  // shared with a reply that comes later
    request["derived"] = "x";
    auto caller = std::make_shared<Principal>();
    caller->kind = PrincipalKind::user;
    caller->permissions = {"*"};
    table.invoke(*table.find(name), {std::move(caller), "test"}, std::move(request),
                 [answer](Result<boost::json::value> told) {
                   *answer = told ? boost::json::serialize(*told) : told.error().message;
                 });
    return answer;
  };
  const boost::json::object month{{"from", unix_milliseconds(at(-86400 * 30))}};
  auto ended = invoke("derived.backfill", month);
  EXPECT_EQ(*ended, "");
  EXPECT_EQ(ask("derived.backfill", {{"derived", "x"}, {"from", 0}}), "conflict");
  EXPECT_EQ(*ended, R"({"devices":1,"points":20,"results":20,"cancelled":false})");
  ended = invoke("derived.backfill", month);
  const auto told = boost::json::parse(*invoke("derived.progress", {}));
  EXPECT_TRUE(told.at("running").as_bool());
  EXPECT_GE(told.at("share").as_double(), 0.0);
  EXPECT_LT(told.at("share").as_double(), 0.5);
  EXPECT_EQ(ask("derived.cancel", {{"derived", "x"}}), "{}");
  EXPECT_THAT(*ended, HasSubstr(R"("cancelled":true)"));
  EXPECT_EQ(ask("derived.progress", {{"derived", "x"}}), R"({"running":false})");
  EXPECT_EQ(results("x").size(), 20u) << "what is stored stays";
  ended = invoke("derived.backfill", month);
  EXPECT_EQ(ask("derived.delete", {{"derived", "x"}}), "{}");
  EXPECT_THAT(*ended, HasSubstr(R"("cancelled":true)")) << "nobody wants it";
}

TEST_F(DerivedTest, ValuesOfTheFutureTookThePlaceOfAllOthers) {
  ASSERT_EQ(set("d", R"j({"channel":"above","expression":"t - \"room\".t","devices":"press-*"})j"), "");
  send("t", 0, 20.0, "room");
  for (int i = 0; i < 100; ++i) put("t", at(i) + hours{24 * 400}, 1.0, "room");
  settle();
  send("t", 1, 25.0);
  EXPECT_EQ(results("above"), Texts{"1=5"});
}

TEST_F(DerivedTest, ATestStoresNothing) {
  for (int i = 0; i < 5; ++i) send("t", i, i * 1.0);
  const auto answer = call("derived.test", {{"expression", "t * 2 + coalesce(u, 1)"},
                                            {"device", "press-01"},
                                            {"from", unix_milliseconds(at(1))},
                                            {"to", unix_milliseconds(at(4))}});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(boost::json::serialize(answer->at("value")), "[3E0,5E0,7E0]");
  EXPECT_EQ(answer->at("inputs").at(1).at("known"), false);
  EXPECT_EQ(answer->at("truncated"), false);
  EXPECT_EQ(store->find(kDefaultTenant, "press-01", "test"), nullptr);
  const auto wrong = call("derived.test", {{"expression", "mean(t)"}, {"device", "press-01"}});
  EXPECT_THAT(wrong.error().message, HasSubstr("line 1, column 1"));
}

TEST_F(DerivedTest, ChangesAreInTheAuditLog) {
  ASSERT_EQ(set("power", kPower), "");
  ASSERT_EQ(ask("derived.delete", {{"derived", "power"}}), "{}");
  const auto actions = audit_records();
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_THAT(actions[0], HasSubstr("derived.set"));
  EXPECT_THAT(actions[1], HasSubstr("derived.delete"));
}

TEST_F(DerivedTest, AStateThatCannotBeReadBeginsAnew) {
  ASSERT_EQ(set("d", R"j({"channel":"d","expression":"t - previous(t)"})j"), "");
  send("t", 0, 1.0);
  pass(seconds{15});
  std::vector<store::Entry> rows;
  keyed.range(*executor, store::Table::meta, {.begin = "derived/state/", .end = "derived/state0"},
              [&rows](Result<std::vector<store::Entry>> found) { rows = *found; });
  settle();
  ASSERT_EQ(rows.size(), 1U);
  store::Batch batch;
  batch.puts.push_back({store::Table::meta, rows[0].key, rows[0].value.substr(0, rows[0].value.size() - 1)});
  keyed.write(*executor, std::move(batch), [](Result<void> written) { ASSERT_TRUE(written); });
  settle();
  crash();
  send("t", 1, 5.0);
  send("t", 2, 7.0);
  EXPECT_EQ(results("d").back(), "2=2");
}

/// Random samples, shuffled within the lateness, with crashes: the same as the history of all of them.
class LiveAndHistory : public DerivedTest, public testing::WithParamInterface<int> {};

TEST_P(LiveAndHistory, GiveTheSame) {
  SeededRng rng(static_cast<std::uint64_t>(GetParam()));
  const auto below = [&rng](int limit) {
    return static_cast<int>(rng.next() % static_cast<std::uint64_t>(limit));
  };
  const std::pair<std::string, std::string> definitions[] = {
      {"a", R"j({"channel":"CHANNEL","expression":"u * i - coalesce(previous(u), 0)","lateness":"20s"})j"},
      {"b", R"j({"channel":"CHANNEL","expression":"mean(u, '30s') + max(i, '1m') - count(u, '7s')",
                "lateness":"20s"})j"},
      {"c", R"j({"channel":"CHANNEL","expression":"percentile(u, 0.5) + sum(u)","window":"25s",
                "lateness":"20s"})j"},
      {"d", R"j({"channel":"CHANNEL","expression":"integral(i)","lateness":"20s",
                "window":{"kind":"hopping","length":"30s","hop":"10s"}})j"}};
  const auto document = [](std::string text, const std::string& channel) {
    return text.replace(text.find("CHANNEL"), 7, channel);
  };
  for (const auto& [name, text] : definitions) ASSERT_EQ(set(name, document(text, "live_" + name)), "");
  struct One {
    int arrives;
    int second;
    std::string channel;
    std::string device;
    double value;
  };
  std::vector<One> samples;
  std::set<std::string> used;
  for (int i = 0; i < 300; ++i) {
    const int second = below(600);
    One one{second + below(20), second, below(2) == 0 ? "u" : "i", below(2) == 0 ? "d1" : "d2",
            below(1000) / 8.0};
    if (used.insert(one.channel + one.device + std::to_string(second)).second) samples.push_back(one);
  }
  // The last ones push the clocks on.
  for (const char* device : {"d1", "d2"}) {
    for (const char* channel : {"u", "i"}) samples.push_back({1000, 1000, channel, device, 1});
  }
  std::ranges::stable_sort(samples, {}, &One::arrives);
  // The first of a device fixes from when on others are late: nothing may be before it.
  for (const One& one : samples) {
    send(one.channel, one.second, one.value, one.device);
    if (below(40) == 0) pass(seconds{11});
    if (below(60) == 0) crash();
  }
  for (const auto& [name, text] : definitions) ASSERT_EQ(set(name, document(text, "past_" + name)), "");
  pass(minutes{5});
  for (const auto& [name, text] : definitions) {
    const auto answer = call("derived.backfill", {{"derived", name}, {"from", unix_milliseconds(at(-3600))}});
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    for (const char* device : {"d1", "d2"}) {
      Texts live = results("live_" + name, device);
      Texts past = results("past_" + name, device);
      EXPECT_GT(past.size(), 10u) << name;
      // Only history knows that nothing more came at the end.
      while (!past.empty() && !live.empty() && past.back() != live.back() && past.size() > live.size())
        past.pop_back();
      EXPECT_EQ(live, past) << name << " of " << device;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LiveAndHistory, testing::Range(1, 9));

}  // namespace
}  // namespace dunlin::derived
