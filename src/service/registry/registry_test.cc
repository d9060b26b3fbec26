#include "service/registry/registry.h"

#include <boost/json.hpp>

#include "model/testing/service_test.h"

namespace dunlin::registry {
namespace {

struct RegistryTest : model::testing::ServiceTest {
  void boot(RegistryOptions options = {}) {
    registry = std::make_unique<Registry>(*executor, repository, *metrics, options);
    registry->declare(table);
    registry->on_change([this](TenantId, const Thing& thing) {
      changes.push_back(thing.name + "@" + std::to_string(thing.version));
    });
  }
  void SetUp() override { boot(); }
  void ensure(const std::string& device, std::string_view gateway = {}) {
    registry->ensure(
        kDefaultTenant,
        {device, "temperature", {{"project", "demo"}, {"site", "plant1"}, {"device_type", "machine"}}},
        gateway);
    settle();
  }
  boost::json::object thing(const std::string& name) {
    return call("thing.get", {{"thing", name}})->as_object();
  }

  std::unique_ptr<Registry> registry;
  std::vector<std::string> changes;
};

TEST_F(RegistryTest, MakesShowsChangesAndRemovesThings) {
  const auto made =
      call("thing.create",
           {{"name", "press-01"}, {"type", "machine"}, {"attributes", {{"site", "plant1"}, {"line", "3"}}}});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->at("version").to_number<int>(), 1);
  EXPECT_EQ(ask("thing.create", {{"name", "press-01"}}), "already_exists");
  const auto changed = call("thing.update", {{"thing", "press-01"},
                                             {"attributes", {{"line", nullptr}, {"room", "7"}}},
                                             {"state", "disabled"},
                                             {"version", 1}});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->at("attributes"), (boost::json::value{{"site", "plant1"}, {"room", "7"}}));
  EXPECT_EQ(thing("press-01").at("state").as_string(), "disabled");
  EXPECT_EQ(thing("press-01").at("type").as_string(), "machine");
  EXPECT_EQ(ask("thing.update", {{"thing", "press-01"}, {"type", "x"}, {"version", 1}}), "conflict");
  EXPECT_EQ(ask("thing.delete", {{"thing", "press-01"}}), "{}");
  EXPECT_EQ(ask("thing.get", {{"thing", "press-01"}}), "not_found");
  EXPECT_EQ(ask("thing.delete", {{"thing", "press-01"}}), "not_found");
  EXPECT_EQ(ask("thing.update", {{"thing", "press-01"}}), "not_found");
  EXPECT_EQ(changes, (std::vector<std::string>{"press-01@1", "press-01@2", "press-01@0"}));
}

TEST_F(RegistryTest, AChangeDroppedTheThingsPolicies) {
  ASSERT_TRUE(call("thing.create", {{"name", "press-01"}, {"type", "machine"}}));
  const auto store_with = [&](const boost::json::value& policies) {
    boost::json::object document = thing("press-01");
    document["policies"] = policies;
    store::Change change;
    change.document = {.id = "press-01", .version = 0, .body = boost::json::serialize(document), .index = {}};
    repository.write(*executor, {std::move(change)}, [](auto written) { EXPECT_TRUE(written); });
    settle();
  };
  // Also what the security room cannot read must stay: without the member the thing would get the default.
  const boost::json::value kinds[] = {boost::json::array{"line-3", "device"}, boost::json::array{},
                                      "damaged"};
  for (const auto& policies : kinds) {
    store_with(policies);
    ASSERT_TRUE(call("thing.update", {{"thing", "press-01"}, {"attributes", {{"line", "4"}}}}));
    EXPECT_EQ(thing("press-01").at("policies"), policies);
  }
}

TEST_F(RegistryTest, OfTwoChangesAtOnceOneConflicts) {
  ASSERT_TRUE(call("thing.create", {{"name", "a"}}));
  std::vector<std::string> results;
  for (const char* type : {"x", "y"}) {
    ThingUpdate update;
    update.type = type;
    registry->update(kDefaultTenant, "a", update, [&](Result<Thing> done) {
      results.push_back(done ? done->type : std::string(errc_name(done.error().code)));
    });
  }
  settle();
  EXPECT_EQ(results, (std::vector<std::string>{"x", "conflict"}));
}

TEST_F(RegistryTest, RefusesBadNamesAndWhatIsOverTheLimits) {
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("a+b"), std::string("#"), std::string("a b"),
        std::string("$x"), std::string("\xc3\xa4"), std::string(129, 'a')}) {
    EXPECT_EQ(ask("thing.create", {{"name", name}}), "invalid_argument") << name;
  }
  EXPECT_TRUE(call("thing.create", {{"name", std::string(128, 'a')}}));
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"gateway", "g"}}), "invalid_argument");
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"gateway", "x/y"}}), "invalid_argument");
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"type", std::string(129, 't')}}), "limit_exceeded");
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"attributes", {{"k", std::string(1025, 'v')}}}}),
            "limit_exceeded");
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"attributes", {{"", "v"}}}}), "limit_exceeded");
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"attributes", {{"k", 5}}}}), "invalid_argument");
  boost::json::object many;
  for (std::size_t i = 0; i <= kMaxAttributes; ++i) many["k" + std::to_string(i)] = "v";
  EXPECT_EQ(ask("thing.create", {{"name", "g"}, {"attributes", many}}), "limit_exceeded");
  EXPECT_EQ(ask("thing.update", {{"thing", std::string(128, 'a')}, {"attributes", many}}), "limit_exceeded");
  EXPECT_EQ(ask("thing.update", {{"thing", std::string(128, 'a')}, {"state", "on"}}), "invalid_argument");
  EXPECT_EQ(ask("thing.get", {{"thing", "g"}}), "not_found");
}

TEST_F(RegistryTest, ListsByPagesAndFilters) {
  for (int i = 0; i < 7; ++i) {
    const std::string name = (i % 2 == 0 ? "even-" : "odd-") + std::to_string(i);
    ASSERT_TRUE(call("thing.create",
                     {{"name", name}, {"type", i < 3 ? "early" : "late"}, {"gateway", i == 6 ? "gw" : ""}}));
  }
  const auto names = [this](boost::json::object request) {
    std::string found;
    const auto answer = call("thing.list", std::move(request));
    if (!answer) return std::string(errc_name(answer.error().code));
    for (const auto& row : answer->at("things").as_array())
      found += std::string(row.at("name").as_string()) + " ";
    if (const auto* next = answer->as_object().if_contains("next"))
      found += "-> " + std::string(next->as_string());
    return found;
  };
  EXPECT_EQ(names({{"limit", 3}}), "even-0 even-2 even-4 -> even-4");
  EXPECT_EQ(names({{"limit", 3}, {"after", "even-4"}}), "even-6 odd-1 odd-3 -> odd-3");
  EXPECT_EQ(names({{"limit", 3}, {"after", "odd-3"}}), "odd-5 ");
  EXPECT_EQ(names({{"type", "early"}}), "even-0 even-2 odd-1 ");
  EXPECT_EQ(names({{"prefix", "odd"}, {"type", "late"}}), "odd-3 odd-5 ");
  EXPECT_EQ(names({{"gateway", "gw"}}), "even-6 ");
  EXPECT_EQ(names({{"limit", 0}}), "invalid_argument");
  EXPECT_EQ(names({{"limit", 1001}}), "invalid_argument");
}

TEST_F(RegistryTest, TheFirstMessageMakesAThingOnce) {
  for (int i = 0; i < 3; ++i) {
    registry->ensure(kDefaultTenant,
                     {"press-01", "temperature", {{"site", "plant1"}, {"device_type", "machine"}}}, "gw-1");
  }
  settle();
  ensure("press-01", "gw-1");
  EXPECT_EQ(changes, (std::vector<std::string>{"press-01@1"}));
  EXPECT_EQ(thing("press-01").at("type").as_string(), "machine");
  EXPECT_EQ(thing("press-01").at("gateway").as_string(), "gw-1");
  EXPECT_EQ(thing("press-01").at("attributes"), (boost::json::value{{"site", "plant1"}}));
  EXPECT_EQ(counted("dunlin_registry_things_created_total"), 1);
}

TEST_F(RegistryTest, AKnownThingStaysAsPeopleChangedItAfterARestart) {
  ensure("press-01");
  ASSERT_TRUE(call("thing.update", {{"thing", "press-01"}, {"type", "robot"}}));
  registry.reset();
  restart_process();
  boot();
  ensure("press-01");
  EXPECT_EQ(thing("press-01").at("type").as_string(), "robot");
  EXPECT_EQ(counted("dunlin_registry_things_created_total"), 0);
}

TEST_F(RegistryTest, ARemovedThingComesBackWithItsNextMessage) {
  ensure("press-01");
  ASSERT_TRUE(call("thing.delete", {{"thing", "press-01"}}));
  ensure("press-01");
  EXPECT_EQ(thing("press-01").at("version").to_number<int>(), 1);
}

TEST_F(RegistryTest, AGatewaysOwnMeasurementGoesThroughNoGateway) {
  ensure("gw-1", "gw-1");
  EXPECT_EQ(thing("gw-1").at("gateway").as_string(), "");
}

TEST_F(RegistryTest, CountsDevicesThatCannotBecomeThings) {
  ensure("bad name");
  EXPECT_EQ(counted("dunlin_registry_first_messages_refused_total"), 1);
  repository.fail_writes = 1;
  ensure("press-01");
  EXPECT_EQ(counted("dunlin_registry_first_messages_refused_total"), 2);
  EXPECT_EQ(ask("thing.get", {{"thing", "press-01"}}), "not_found");
  ensure("press-01");  // its next message tries again
  EXPECT_EQ(thing("press-01").at("name").as_string(), "press-01");
}

TEST_F(RegistryTest, BoundsTheCreationsThatWait) {
  for (std::size_t i = 0; i < kMaxPendingCreations + 5; ++i) {
    registry->ensure(kDefaultTenant, {"d" + std::to_string(i), "t", {}}, "");
  }
  settle();
  EXPECT_EQ(counted("dunlin_registry_things_created_total"), static_cast<double>(kMaxPendingCreations));
  EXPECT_EQ(counted("dunlin_registry_first_messages_refused_total"), 5);
}

TEST_F(RegistryTest, CanLeaveUnknownDevicesAlone) {
  table = model::OperationTable();
  boot({.first_message = RegistryOptions::FirstMessage::ignored});
  ensure("press-01");
  EXPECT_EQ(ask("thing.get", {{"thing", "press-01"}}), "not_found");
}

TEST(ThingTest, TheStoredFormReadsBack) {
  Thing thing;
  thing.name = "press-01";
  thing.type = "machine";
  thing.gateway = "gw-1";
  thing.attributes = {{"site", "plant \"1\""}};
  thing.state = Thing::State::disabled;
  thing.created_at = from_unix_milliseconds(1'700'000'000'123);
  const auto read = thing_from_json(boost::json::serialize(to_json(thing)));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, thing);
  EXPECT_EQ(thing_from_json("[]").error().code, Errc::corrupt);
  EXPECT_EQ(thing_from_json("{}").error().code, Errc::corrupt);
}

}  // namespace
}  // namespace dunlin::registry
