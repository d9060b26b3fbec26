// What policies are attached to: whom it governs, from when on, how much of it there may be, and that it is
// there after a restart.
#include "security/attachments.h"

#include <gmock/gmock.h>

#include <set>

#include "security/attachment_register.h"
#include "security/identity_fixture.h"
#include "security/policy_trial.h"

namespace dunlin::security {
namespace {

using store::DocumentKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Texts = std::vector<std::string>;

constexpr const char* kPassword = "correct horse battery";
const std::string kFingerprint(64, 'a');

std::string statement(const std::string& effect, const std::string& topic) {
  return R"({"statements":[{"effect":")" + effect + R"(","actions":["mqtt:publish"],"resources":["topic/)" +
         topic + R"("]}]})";
}

struct AttachmentTest : IdentityTest {
  std::unique_ptr<PolicyEngine> engine;
  std::unique_ptr<PolicyRegister> policies;
  std::unique_ptr<AttachmentRegister> attachments;

  AttachmentTest() { open(); }
  /// As after a restart: only what is stored is left.
  void open() {
    attachments.reset();
    engine = std::make_unique<PolicyEngine>();
    policies = std::make_unique<PolicyRegister>(repository, *engine, clock);
    attachments = std::make_unique<AttachmentRegister>(
        AttachmentRegister::Parts{executor, repository, *engine, *policies, clock});
    accounts->plan_removals(
        [this](const std::string& user) { return attachments->withdraw({SubjectKind::user, user}); });
    EXPECT_TRUE(wait<void>([&](auto done) { policies->load(executor, std::move(done)); }));
    EXPECT_TRUE(wait<void>([&](auto done) { attachments->load(std::move(done)); }));
  }
  void policy(const std::string& name, const std::string& json) {
    ASSERT_TRUE(wait<StoredPolicy>(
        [&](auto done) { policies->put(executor, "test", {name, json, 0}, std::nullopt, std::move(done)); }));
  }
  Result<Attached> attach(const std::string& policy, const std::string& to) {
    return wait<Attached>(
        [&](auto done) { attachments->attach("test", *parse_subject(to), policy, std::move(done)); });
  }
  Result<Attached> detach(const std::string& policy, const std::string& to) {
    return wait<Attached>(
        [&](auto done) { attachments->detach("test", *parse_subject(to), policy, std::move(done)); });
  }
  Result<GroupRecord> make_group(const std::string& name) {
    return wait<GroupRecord>(
        [&](auto done) { attachments->create_group("test", {name, "", 0}, std::move(done)); });
  }
  Result<void> remove_group(const std::string& name) {
    return wait<void>([&](auto done) { attachments->remove_group("test", name, std::move(done)); });
  }
  Result<Attached> add(const std::string& group, const std::string& thing) {
    return wait<Attached>([&](auto done) { attachments->add_member("test", group, thing, std::move(done)); });
  }
  Result<Attached> take(const std::string& group, const std::string& thing) {
    return wait<Attached>(
        [&](auto done) { attachments->remove_member("test", group, thing, std::move(done)); });
  }
  Texts members(const std::string& group) {
    auto found = wait<Texts>([&](auto done) { attachments->members(group, "", 100, std::move(done)); });
    return found.value_or(Texts{"?"});
  }
  Result<void> remove_policy(const std::string& name) {
    return wait<void>([&](auto done) { attachments->remove_policy("test", name, std::move(done)); });
  }
  bool has_audit(const std::string& action) {
    return std::ranges::any_of(repository.documents, [&](const auto& entry) {
      return std::get<0>(entry.first) == DocumentKind::audit && entry.second.body.contains(action);
    });
  }
  static PrincipalRef thing(const std::string& name, const std::string& fingerprint = "") {
    Principal principal;
    principal.kind = PrincipalKind::device;
    principal.name = name;
    principal.client_id = name;
    principal.certificate_fingerprint = fingerprint;
    return seal(std::move(principal));
  }
  bool may(const PrincipalRef& who, const std::string& topic) const {
    return engine->authorize(*who, Action::publish, topic).allowed();
  }
  std::string why(const PrincipalRef& who, const std::string& topic) const {
    return engine->explain(engine->authorize(*who, Action::publish, topic), *who);
  }
};

TEST_F(AttachmentTest, EverySubjectGovernsWhoItIsAboutAtOnceAndNobodyElse) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(make_group("line-1"));
  ASSERT_TRUE(add("line-1", "press-02"));
  ASSERT_TRUE(create_user("press-01", kPassword));  // users and things have their own names
  repository.put(DocumentKind::certificate, kFingerprint, "{}");
  Principal person;
  person.kind = PrincipalKind::user;
  person.name = "press-01";
  const std::map<std::string, PrincipalRef> subjects = {
      {"thing:press-01", thing("press-01")},
      {"group:line-1", thing("press-02")},
      {"certificate:" + kFingerprint, thing("gw-1", kFingerprint)},
      {"user:press-01", seal(std::move(person))}};
  for (const auto& [to, governed] : subjects) {
    for (const auto& [other, who] : subjects) EXPECT_FALSE(may(who, "lab/a")) << other;
    const std::uint64_t before = engine->epoch();
    ASSERT_TRUE(attach("lab", to)) << to;
    EXPECT_NE(engine->epoch(), before);
    for (const auto& [other, who] : subjects) EXPECT_EQ(may(who, "lab/a"), other == to) << other << " " << to;
    std::string spoken = to;
    spoken[to.find(':')] = ' ';
    EXPECT_EQ(why(governed, "lab/a"), "allowed by statement 0 of policy lab, attached to " + spoken);
    ASSERT_TRUE(detach("lab", to)) << to;
    EXPECT_FALSE(may(governed, "lab/a")) << to;
  }
  EXPECT_EQ(repository.count(DocumentKind::attachment), 1U);  // press-02 is a member still
}

TEST_F(AttachmentTest, DenyWinsWhereverItIsAttached) {
  policy("open", statement("allow", "#"));
  policy("shut", statement("deny", "a/#"));
  ASSERT_TRUE(make_group("line-1"));
  ASSERT_TRUE(add("line-1", "press-01"));
  repository.put(DocumentKind::certificate, kFingerprint, "{}");
  const auto press = thing("press-01", kFingerprint);
  const Texts places = {"thing:press-01", "group:line-1", "certificate:" + kFingerprint};
  for (const std::string& allowed_at : places) {
    for (const std::string& denied_at : places) {
      ASSERT_TRUE(attach("open", allowed_at));
      EXPECT_TRUE(may(press, "a/b"));
      ASSERT_TRUE(attach("shut", denied_at));
      EXPECT_FALSE(may(press, "a/b")) << allowed_at << " " << denied_at;
      EXPECT_TRUE(may(press, "b"));
      ASSERT_TRUE(detach("open", allowed_at));
      ASSERT_TRUE(detach("shut", denied_at));
    }
  }
}

TEST_F(AttachmentTest, ARestartFindsThemAgain) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(make_group("line-1"));
  ASSERT_TRUE(attach("lab", "group:line-1"));
  ASSERT_TRUE(add("line-1", "press-01"));
  ASSERT_TRUE(add("line-1", "press-02"));
  ASSERT_TRUE(take("line-1", "press-02"));
  start();
  open();
  EXPECT_TRUE(may(thing("press-01"), "lab/a"));
  EXPECT_FALSE(may(thing("press-02"), "lab/a"));
  EXPECT_THAT(members("line-1"), ElementsAre("press-01"));
  ASSERT_TRUE(detach("lab", "group:line-1"));  // by the version that was stored
  EXPECT_FALSE(may(thing("press-01"), "lab/a"));
}

TEST_F(AttachmentTest, WhatCannotBeReadDeniesEverythingToWhoItIsAbout) {
  policy("lab", statement("allow", "#"));
  ASSERT_TRUE(attach("lab", "thing:press-01"));
  ASSERT_TRUE(attach("lab", "thing:press-02"));
  ASSERT_TRUE(make_group("line-1"));
  ASSERT_TRUE(add("line-1", "press-02"));
  repository.at(DocumentKind::attachment, "thing:press-01")->body = R"({"policies":["lab"],"groups":3})";
  repository.put(DocumentKind::attachment, "group:line-1", "{");
  repository.put(DocumentKind::attachment, "nonsense", "{}");
  open();
  EXPECT_FALSE(may(thing("press-01"), "a"));
  EXPECT_FALSE(may(thing("press-02"), "a"));
  EXPECT_FALSE(may(thing("gw-1"), "a"));
  EXPECT_EQ(why(thing("press-02"), "a"),
            "what is attached to group line-1 cannot be read, so everything is denied");
  EXPECT_EQ(attach("lab", "thing:press-01").error().code, Errc::corrupt);
  ASSERT_TRUE(detach("*", "thing:press-01"));
  EXPECT_EQ(why(thing("press-01"), "a"), "no statement allows it");
  ASSERT_TRUE(attach("lab", "thing:press-01"));
  EXPECT_TRUE(may(thing("press-01"), "a"));
  ASSERT_TRUE(remove_group("line-1"));
  EXPECT_TRUE(may(thing("press-02"), "a"));
}

TEST_F(AttachmentTest, ThereAreOnlySoMany) {
  for (std::size_t i = 0; i < 2 * kMaxPoliciesPerSubject + 1; ++i)
    policy("p" + std::to_string(i), statement("allow", "t" + std::to_string(i)));
  ASSERT_TRUE(make_group("g0"));
  ASSERT_TRUE(make_group("g1"));
  ASSERT_TRUE(add("g0", "press-01"));
  ASSERT_TRUE(add("g1", "press-01"));
  for (std::size_t i = 0; i < kMaxPoliciesPerSubject; ++i) {
    ASSERT_TRUE(attach("p" + std::to_string(i), "group:g0"));
    ASSERT_TRUE(attach("p" + std::to_string(i + kMaxPoliciesPerSubject), "group:g1"));
  }
  const auto full = attach("p16", "group:g0");
  EXPECT_EQ(full.error().code, Errc::limit_exceeded);
  EXPECT_TRUE(may(thing("press-01"), "t15"));
  ASSERT_TRUE(attach("p3", "thing:press-01"));  // the same one again is one
  EXPECT_TRUE(may(thing("press-01"), "t15"));
  ASSERT_TRUE(attach("p16", "thing:press-01"));
  EXPECT_EQ(engine->authorize(*thing("press-01"), Action::publish, "t15").reason, Reason::too_many);
  EXPECT_THAT(why(thing("press-01"), "t15"), HasSubstr("more than 16 policies"));
  for (std::size_t i = 2; i < kMaxGroupsPerThing; ++i) {
    ASSERT_TRUE(make_group("g" + std::to_string(i)));
    ASSERT_TRUE(add("g" + std::to_string(i), "press-01"));
  }
  ASSERT_TRUE(make_group("one-more"));
  EXPECT_EQ(add("one-more", "press-01").error().code, Errc::limit_exceeded);
  EXPECT_THAT(members("one-more"), IsEmpty());
}

TEST_F(AttachmentTest, OnlyToWhatThereIs) {
  policy("lab", statement("allow", "lab/#"));
  for (const char* to : {"thing:nobody", "group:nobody", "user:nobody"}) {
    EXPECT_EQ(attach("lab", to).error().code, Errc::not_found) << to;
    EXPECT_EQ(detach("lab", to).error().code, Errc::not_found) << to;
  }
  EXPECT_EQ(attach("lab", "certificate:" + kFingerprint).error().code, Errc::not_found);
  EXPECT_EQ(attach("no-policy", "thing:press-01").error().code, Errc::not_found);
  EXPECT_EQ(add("nobody", "press-01").error().code, Errc::not_found);
  EXPECT_EQ(take("nobody", "press-01").error().code, Errc::not_found);
  EXPECT_EQ(remove_group("nobody").error().code, Errc::not_found);
  EXPECT_EQ(repository.count(DocumentKind::attachment), 0U);
  for (const char* text : {"", "press-01", "thing:", "things:a", "thing:a b", "certificate:abc", "user:"})
    EXPECT_FALSE(parse_subject(text)) << text;
  const auto colons = parse_subject("certificate:AA:" + std::string(62, 'b'));
  ASSERT_TRUE(colons);
  EXPECT_EQ(colons->name, "aa" + std::string(62, 'b'));
}

TEST_F(AttachmentTest, APolicyThatIsAttachedStays) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(make_group("line-1"));
  ASSERT_TRUE(attach("lab", "group:line-1"));
  ASSERT_TRUE(attach("lab", "thing:press-01"));
  const auto kept = remove_policy("lab");
  EXPECT_EQ(kept.error().code, Errc::conflict);
  EXPECT_THAT(kept.error().message, HasSubstr("group:line-1, thing:press-01"));
  ASSERT_TRUE(remove_group("line-1"));
  ASSERT_TRUE(detach("lab", "thing:press-01"));
  EXPECT_TRUE(remove_policy("lab"));
  EXPECT_EQ(attach("lab", "thing:press-01").error().code, Errc::not_found);
  for (const char* action : {"policy.attach", "policy.detach", "group.create", "group.delete"})
    EXPECT_TRUE(has_audit(action)) << action;
}

TEST_F(AttachmentTest, AGroupThatGoesLeavesNothingToItsNameSake) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(make_group("line-1"));
  EXPECT_EQ(make_group("line-1").error().code, Errc::already_exists);
  ASSERT_TRUE(attach("lab", "group:line-1"));
  for (int i = 0; i < 450; ++i) {
    const std::string name = "m-" + std::to_string(i);
    repository.put(DocumentKind::thing, name, thing_body("machine"));
    ASSERT_TRUE(add("line-1", name));
  }
  EXPECT_TRUE(may(thing("m-449"), "lab/a"));
  ASSERT_TRUE(remove_group("line-1"));
  EXPECT_FALSE(may(thing("m-449"), "lab/a"));
  EXPECT_EQ(repository.count(DocumentKind::attachment), 0U);
  EXPECT_EQ(engine->attachments(), 0U);
  ASSERT_TRUE(make_group("line-1"));
  EXPECT_THAT(members("line-1"), IsEmpty());
}

TEST_F(AttachmentTest, WhoGoesTakesThemAlong) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(create_user("ann", kPassword));
  ASSERT_TRUE(attach("lab", "user:ann"));
  ASSERT_TRUE(
      wait<void>([&](auto done) { accounts->remove_user(executor, "test", "ann", std::move(done)); }));
  EXPECT_EQ(repository.count(DocumentKind::attachment), 0U);
  EXPECT_EQ(engine->attachments(), 0U);
}

TEST_F(AttachmentTest, ANewThingOfAnOldNameHasWhatItEnlistsFor) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(attach("lab", "thing:press-01"));
  ASSERT_TRUE(make_group("line-1"));
  EXPECT_EQ(attachments->enlist("press-01", {"line-1", "nowhere"}).error().code, Errc::not_found);
  auto plan = attachments->enlist("press-01", {"line-1"});
  ASSERT_TRUE(plan);
  ASSERT_TRUE(wait<std::vector<std::uint64_t>>(
      [&](auto done) { repository.write(executor, std::move(plan->changes), std::move(done)); }));
  plan->stored();
  EXPECT_FALSE(may(thing("press-01"), "lab/a"));
  EXPECT_THAT(members("line-1"), ElementsAre("press-01"));
  ASSERT_TRUE(attach("lab", "thing:press-01"));  // by the version that the plan has made
  EXPECT_TRUE(may(thing("press-01"), "lab/a"));
}

TEST_F(AttachmentTest, AWriteThatFailsChangesNothing) {
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(make_group("line-1"));
  repository.fail_writes = true;
  EXPECT_EQ(attach("lab", "thing:press-01").error().code, Errc::io);
  EXPECT_EQ(add("line-1", "press-01").error().code, Errc::io);
  EXPECT_EQ(make_group("line-2").error().code, Errc::io);
  EXPECT_EQ(remove_group("line-1").error().code, Errc::io);
  EXPECT_FALSE(may(thing("press-01"), "lab/a"));
  EXPECT_EQ(attachments->groups().size(), 1U);
  repository.fail_writes = false;
  EXPECT_TRUE(attach("lab", "thing:press-01"));  // its turn has come all the same
}

TEST_F(AttachmentTest, ChangesWaitForTheirTurnAndOnlySoMany) {
  policy("lab", statement("allow", "lab/#"));
  int refused = 0;
  int made = 0;
  for (std::size_t i = 0; i < kMaxAttachmentChanges + 3; ++i) {
    attachments->attach("test", {SubjectKind::thing, "press-01"}, "lab", [&](Result<Attached> done) {
      if (done) return void(++made);
      EXPECT_EQ(done.error().code, Errc::unavailable);
      ++refused;
    });
  }
  scheduler.run_for(std::chrono::seconds{1});
  EXPECT_EQ(refused, 2);  // one is at work and does not wait
  EXPECT_EQ(made, static_cast<int>(kMaxAttachmentChanges) + 1);
}

TEST_F(AttachmentTest, AQuestionSaysWhereAPolicyComesFrom) {
  PolicyTrial trial(repository, *policies, *engine);
  policy("lab", statement("allow", "lab/#"));
  ASSERT_TRUE(make_group("line-1"));
  ASSERT_TRUE(add("line-1", "press-01"));
  ASSERT_TRUE(attach("lab", "group:line-1"));
  const auto answer = wait<PolicyAnswer>([&](auto done) {
    trial.ask(executor, {.name = "press-01", .action = Action::publish, .on = "lab/a"}, std::move(done));
  });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->allowed);
  EXPECT_EQ(answer->policy, "lab");
  EXPECT_EQ(answer->from, "group line-1");
  EXPECT_EQ(answer->explanation, "allowed by statement 0 of policy lab, attached to group line-1");
}

TEST_F(AttachmentTest, OnlyACertificateGivesItsVariables) {
  policy("by-name", statement("allow", "cn/${certificate.common_name}"));
  policy("by-serial", statement("allow", "sn/${certificate.serial}"));
  policy("by-issuer", statement("allow", "ca/${certificate.issuer}"));
  for (const char* name : {"by-name", "by-serial", "by-issuer"}) ASSERT_TRUE(attach(name, "thing:press-01"));
  // What a thing says of itself never counts as its certificate.
  repository.put(
      DocumentKind::thing, "press-01",
      R"({"type":"machine","attributes":{"$certificate.serial":"7","$certificate.common_name":"boss"}})");
  const auto issued = issue("press-01");
  ASSERT_TRUE(issued);
  const auto proven = login_as(with_certificate(der_of(issued->certificate_pem), "press-01"));
  ASSERT_TRUE(proven) << proven.error().message;
  const auto info = parse_certificate(as_bytes(der_of(issued->certificate_pem)));
  ASSERT_FALSE(info->issuer_name.empty());
  EXPECT_TRUE(may(*proven, "sn/" + info->serial));
  EXPECT_TRUE(may(*proven, "cn/" + info->common_name));
  EXPECT_EQ(may(*proven, "ca/" + info->issuer_name), !info->issuer_name.contains('/'));
  EXPECT_FALSE(may(*proven, "sn/7"));
  EXPECT_FALSE(may(*proven, "cn/boss"));
  Credentials token;
  token.protocol = "mqtt";
  token.username = "press-01";
  token.password = Secret(device_token("press-01"));
  token.address = "192.0.2.1:5000";
  const auto by_token = login_as(std::move(token));
  ASSERT_TRUE(by_token) << by_token.error().message;
  EXPECT_FALSE(may(*by_token, "sn/7"));
  EXPECT_FALSE(may(*by_token, "cn/boss"));
}

/// A plain model beside the table and the engine: for each subject a set of policies, each of which allows
/// the topic of its own name.
TEST(AttachmentProperty, AgreesWithAPlainModel) {
  SeededRng rng(20261129);
  PolicyEngine engine;
  const Texts names = {"p0", "p1", "p2", "p3"};
  for (const std::string& name : names)
    engine.put(name, std::make_shared<const Policy>(Policy::parse(statement("allow", name)).value()));
  std::map<std::string, std::set<std::string>> policies;
  std::map<std::string, std::set<std::string>> groups;
  const auto publish = [&](const Subject& subject) {
    Attached attached{.subject = subject, .policies = {}, .groups = {}};
    for (const std::string& policy : policies[subject.text()]) attached.policies.push_back(policy);
    for (const std::string& group : groups[subject.text()]) attached.groups.push_back(group);
    const AttachedRef one = std::make_shared<const Attached>(std::move(attached));
    engine.attach({&one, 1});
  };
  const auto flip = [](std::set<std::string>& set, const std::string& value) {
    if (!set.erase(value)) set.insert(value);
  };
  std::vector<PrincipalRef> things;
  for (int i = 0; i < 40; ++i) things.push_back(AttachmentTest::thing("t" + std::to_string(i)));
  int allowed = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::string thing = things[rng.below(things.size())]->name;
    const std::string group = "g" + std::to_string(rng.below(5));
    const bool of_group = rng.below(3) == 0;
    const Subject subject =
        of_group ? Subject{SubjectKind::group, group} : Subject{SubjectKind::thing, thing};
    if (!of_group && rng.below(2) == 0) {
      flip(groups[subject.text()], group);
    } else {
      flip(policies[subject.text()], names[rng.below(names.size())]);
    }
    publish(subject);
    for (int i = 0; i < 5; ++i) {
      const auto& who = things[rng.below(things.size())];
      const std::string& topic = names[rng.below(names.size())];
      bool expected = policies["thing:" + who->name].contains(topic);
      for (const std::string& one : groups["thing:" + who->name])
        expected = expected || policies["group:" + one].contains(topic);
      ASSERT_EQ(engine.authorize(*who, Action::publish, topic).allowed(), expected) << round;
      allowed += expected;
    }
  }
  std::size_t held = 0;
  for (const auto& [text, set] : policies) held += !set.empty() || !groups[text].empty();
  for (const auto& [text, set] : groups) held += !set.empty() && !policies.contains(text);
  EXPECT_EQ(engine.attachments(), held);
  EXPECT_GT(allowed, 1000);
}

}  // namespace
}  // namespace dunlin::security
