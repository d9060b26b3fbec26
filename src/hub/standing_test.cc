// Standings of things under live sessions, and wills that are judged when they are published.

#include "hub/hub_fixture.h"
#include "hub/standings.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;

/// Counts how often it is told that rights have changed.
class WatchingLink : public SessionLink {
 public:
  void deliver(const Outbound&, EncodingCache&) override {}
  void release(std::uint16_t) override {}
  bool can_take() const override { return true; }
  void pause() override {}
  void resume() override {}
  void ended(EndReason, std::string_view) override { session = nullptr; }
  void rights_changed() override { ++changes; }
  int changes = 0;
  Session* session = nullptr;
};

class StandingTest : public testing::HubTest {
 protected:
  void SetUp() override { boot(3); }
  void begin(WatchingLink& link, const std::string& client_id, PrincipalKind kind = PrincipalKind::device) {
    OpenOptions wish = options(client_id);
    auto who = std::make_shared<Principal>();
    who->kind = kind;
    who->name = "press-01";
    who->client_id = client_id;
    wish.principal = std::move(who);
    const std::size_t home = hub().session_home(kDefaultTenant, client_id);
    auto opened = hub().open(home, std::move(wish), link, [](Present) {});
    ASSERT_TRUE(opened.has_value());
    link.session = *opened;
    run();
  }
  static constexpr Standing kMaintenance{Lifecycle::maintenance, Quarantine::no};
};

TEST_F(StandingTest, EverySessionOfTheThingHasItAndIsToldOnce) {
  WatchingLink one, two, person;
  begin(one, client_on(0, "a"));
  begin(two, client_on(2, "b"));
  begin(person, "user-a", PrincipalKind::user);
  for (int i = 0; i < 2; ++i) hub().set_standing(kDefaultTenant, "press-01", kMaintenance);
  hub().set_standing(TenantId{9}, "press-01", {});
  run();
  for (const WatchingLink* link : {&one, &two}) {
    EXPECT_EQ(link->session->principal()->standing, kMaintenance);
    EXPECT_EQ(link->changes, 1);
  }
  EXPECT_EQ(one.session->client_id(), one.session->principal()->client_id);
  EXPECT_TRUE(person.session->principal()->standing.is_usual()) << "a user may have the name of a thing";
  hub().set_client_standing(kDefaultTenant, std::string(one.session->client_id()), {});
  run();
  EXPECT_TRUE(one.session->principal()->standing.is_usual());
  EXPECT_EQ(two.session->principal()->standing, kMaintenance);
}

TEST_F(StandingTest, SessionsEndByTheCertificateThatTheyBeganWith) {
  std::vector<std::unique_ptr<WatchingLink>> links;
  const auto open = [&](const std::string& client_id, std::string_view fingerprint) {
    links.push_back(std::make_unique<WatchingLink>());
    OpenOptions wish = options(client_id);
    auto who = std::make_shared<Principal>();
    who->kind = PrincipalKind::device;
    who->name = client_id;
    who->client_id = client_id;
    who->certificate_fingerprint = std::string(fingerprint);
    wish.principal = std::move(who);
    const std::size_t home = hub().session_home(kDefaultTenant, client_id);
    links.back()->session = hub().open(home, std::move(wish), *links.back(), [](Present) {}).value();
    run();
  };
  open(client_on(0, "a"), "f1");
  open(client_on(1, "b"), "f2");
  open(client_on(2, "c"), "f3");
  open(client_on(0, "d"), "");
  hub().end_certificates(TenantId{9}, {"f1"}, "another tenant's");
  run();
  EXPECT_NE(links[0]->session, nullptr);
  hub().end_certificates(kDefaultTenant, {"f1", "f3", "f9"}, "disabled");
  run();
  EXPECT_EQ(links[0]->session, nullptr);
  EXPECT_NE(links[1]->session, nullptr);
  EXPECT_EQ(links[2]->session, nullptr);
  EXPECT_NE(links[3]->session, nullptr) << "who began with a token has none of them";
}

TEST(StandingsTest, HoldsTheUnusualOnesOnly) {
  Standings standings;
  EXPECT_TRUE(standings.of(kDefaultTenant, "a").is_usual());
  standings.set(kDefaultTenant, "a", {Lifecycle::operation, Quarantine::yes});
  standings.set(kDefaultTenant, "b", {});
  EXPECT_EQ(standings.size(), 1U);
  EXPECT_EQ(standings.of(kDefaultTenant, "a").quarantine, Quarantine::yes);
  EXPECT_TRUE(standings.of(TenantId{2}, "a").is_usual());
  standings.set(kDefaultTenant, "a", {});
  EXPECT_EQ(standings.size(), 0U);
  for (const std::string_view name : kLifecycleNames)
    EXPECT_EQ(lifecycle_name(parse_lifecycle(name).value()), name);
  EXPECT_FALSE(parse_lifecycle("retired"));
}

class WillRights : public testing::HubTest {
 protected:
  void SetUp() override {
    authorize_will = [this](const Principal& who, Action action, std::string_view topic) -> Result<void> {
      asked.push_back(who.name + " " + std::string(topic));
      EXPECT_EQ(action, Action::publish);
      if (allowed) return {};
      return fail(Errc::permission_denied, "not any more");
    };
    boot(2);
    open(reader, options("reader"));
    subscribe(reader, "wills/#");
  }
  OpenOptions with_will(OpenOptions wish, std::uint32_t delay = 0) {
    wish.will = std::make_unique<Will>();
    wish.will->message = message("wills/" + wish.client_id, "gone", QoS::at_least_once);
    wish.will->delay_seconds = delay;
    return wish;
  }
  bool allowed = true;
  std::vector<std::string> asked;
  RecordingLink reader;
};

TEST_F(WillRights, AWillIsJudgedWhenItIsPublished) {
  RecordingLink one, two;
  Session& first = open(one, with_will(options("a")));
  Session& second = open(two, with_will(options("b")));
  EXPECT_THAT(asked, IsEmpty());
  first.close({"connection_lost", Session::WillFate::publish, {}});
  run();
  allowed = false;
  second.close({"connection_lost", Session::WillFate::publish, {}});
  run();
  EXPECT_THAT(asked, ElementsAre("a wills/a", "b wills/b"));
  EXPECT_THAT(reader.payloads(), ElementsAre("gone"));
  EXPECT_EQ(world->metrics.value("dunlin_hub_wills_refused_total", {}), 1);
}

TEST_F(WillRights, AWillThatIsRefusedLeavesNoRowAndALastingSession) {
  RecordingLink one, two;
  open(one, with_will(options("a"))).close({"connection_lost", Session::WillFate::keep, {}});
  open(two, with_will(lasting("b"), 3600)).close({"connection_lost", Session::WillFate::publish, {}});
  run(std::chrono::seconds{1});
  allowed = false;
  crash_and_boot(2);
  run(std::chrono::hours{1} + std::chrono::seconds{10});
  EXPECT_THAT(asked, ::testing::UnorderedElementsAre("a wills/a", "b wills/b"));
  crash_and_boot(2);
  run(std::chrono::seconds{10});
  EXPECT_EQ(asked.size(), 2U) << "they are not asked of again";
}

}  // namespace
}  // namespace dunlin::hub
