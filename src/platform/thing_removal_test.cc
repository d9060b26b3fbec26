#include "platform/thing_removal.h"

#include <boost/json.hpp>

#include "base/rng.h"
#include "model/testing/service_test.h"
#include "security/certificates.h"
#include "security/memory_fs.h"
#include "service/access/access.h"

namespace dunlin::platform {
namespace {

/// Registry and access as the server composes them, over one repository.
struct ThingRemovalTest : model::testing::ServiceTest {
  SystemRng rng;
  security::MemoryFs fs;
  VirtualWorkerPool workers{*executor};
  security::RevocationIndex revocations;
  std::unique_ptr<security::Pki> pki = security::Pki::open(fs, clock, rng, "data", {}).value();
  security::Authenticator authenticator{{repository, workers, clock, rng, revocations},
                                        {.password_cost = {.memory_kib = 64, .passes = 1}}};
  security::SecondFactors second_factors{
      {repository, clock, rng, authenticator.penalties(), "secret", "Dunlin"}};
  security::Accounts accounts{repository, authenticator, second_factors, clock, rng};
  security::RoleRegister roles{repository, authenticator.roles(), clock};
  security::CertificateRegister certificates{{repository, workers, *pki, revocations, clock, rng}};
  security::AuthorityChanges authorities{{*executor, workers, repository, *pki, certificates, clock}};
  security::ScramCredentials scram{{repository, workers, clock, rng}};
  security::ThingKeys keys{{repository, clock, rng, std::string(32, 's')}};
  security::PolicyEngine engine;
  security::PolicyRegister policies{repository, engine, clock};
  security::AttachmentRegister attachments{{*executor, repository, engine, policies, clock}};
  security::PolicyTrial policy_trial{repository, policies, engine};
  security::ThingCredentials credentials{{repository, revocations, clock, rng}};
  registry::Registry registry{*executor, repository, *metrics, {}};

  void SetUp() override {
    registry.declare(table);
    access::declare({*executor,
                     bus,
                     *pki,
                     certificates,
                     authorities,
                     policies,
                     attachments,
                     policy_trial,
                     accounts,
                     roles,
                     scram,
                     keys,
                     second_factors,
                     [](TenantId, const std::string&) {},
                     {}},
                    table);
    registry.on_change([this](TenantId tenant, const registry::Thing& thing) {
      if (thing.version == 0) bus.end_sessions(tenant, thing.name, "revoked");
    });
    withdraw_credentials_with_things(*executor, registry, credentials, attachments);
    ASSERT_TRUE(call("thing.create", {{"name", "press-01"}}));
    ASSERT_TRUE(call("thing.token", {{"thing", "press-01"}}));
    fingerprint = call("cert.issue", {{"thing", "press-01"}})->at("fingerprint").as_string();
  }
  boost::json::array tokens() {
    return call("token.list", {{"type", "device"}, {"owner", "press-01"}})->at("tokens").as_array();
  }
  boost::json::value certificate() { return call("cert.get", {{"fingerprint", fingerprint}}).value(); }

  std::string fingerprint;
};

TEST_F(ThingRemovalTest, ARemovedThingStayedInTheListsOfCredentials) {
  EXPECT_EQ(tokens().size(), 1U);
  EXPECT_TRUE(certificate().at("reason").is_null());
  ASSERT_TRUE(call("thing.delete", {{"thing", "press-01"}}));
  EXPECT_EQ(tokens().size(), 0U);
  EXPECT_EQ(certificate().at("state").as_string(), "revoked");
  EXPECT_EQ(certificate().at("reason").as_string(), "thing_removed");
  EXPECT_EQ(bus.ended, std::vector<std::string>{"press-01"});
}

TEST_F(ThingRemovalTest, ARemovalThatFailsLeavesThingAndCredentials) {
  repository.fail_writes = 1;
  EXPECT_FALSE(call("thing.delete", {{"thing", "press-01"}}));
  EXPECT_TRUE(call("thing.get", {{"thing", "press-01"}}));
  EXPECT_EQ(tokens().size(), 1U);
  EXPECT_EQ(certificate().at("state").as_string(), "active");
  EXPECT_FALSE(revocations.is_revoked(fingerprint));
  EXPECT_TRUE(bus.ended.empty());
}

TEST_F(ThingRemovalTest, ADecommissionedThingHasNoCredentialAndTakesNone) {
  ASSERT_TRUE(call("thing.scram", {{"thing", "press-01"}}));
  repository.fail_writes = 1;
  EXPECT_FALSE(call("thing.move", {{"thing", "press-01"}, {"stage", "decommission"}}));
  EXPECT_EQ(tokens().size(), 1U);
  EXPECT_EQ(certificate().at("state").as_string(), "active");
  ASSERT_TRUE(call("thing.move", {{"thing", "press-01"}, {"stage", "decommission"}}));
  EXPECT_EQ(tokens().size(), 0U);
  EXPECT_EQ(certificate().at("state").as_string(), "revoked");
  EXPECT_EQ(certificate().at("reason").as_string(), security::kCessationOfOperation);
  EXPECT_TRUE(revocations.is_revoked(fingerprint));
  EXPECT_EQ(call("scram.list", {})->at("credentials").as_array().size(), 0U);
  EXPECT_EQ(ask("thing.token", {{"thing", "press-01"}}), "conflict");
  EXPECT_EQ(ask("cert.issue", {{"thing", "press-01"}}), "conflict");
  EXPECT_EQ(ask("thing.scram", {{"thing", "press-01"}}), "conflict");
  EXPECT_EQ(ask("key.generate", {{"thing", "press-01"}}), "conflict");
}

TEST_F(ThingRemovalTest, ADeletedTokenLeftItsSessionsRunning) {
  const std::string id(tokens().front().at("id").as_string());
  repository.fail_writes = 1;
  EXPECT_FALSE(call("token.delete", {{"token", id}}));
  EXPECT_TRUE(bus.ended.empty()) << "not stored, not ended";
  ASSERT_TRUE(call("token.delete", {{"token", id}}));
  EXPECT_EQ(bus.ended, std::vector<std::string>{"press-01"});
  EXPECT_EQ(ask("token.delete", {{"token", id}}), "not_found");
}

TEST_F(ThingRemovalTest, ARemovedUsersSessionsEndBehindTheWrite) {
  EXPECT_EQ(ask("user.delete", {{"user", "bob"}}), "not_found");
  EXPECT_TRUE(bus.ended.empty());
  ASSERT_TRUE(call("user.create", {{"name", "bob"}, {"password", "correct horse battery"}}));
  ASSERT_TRUE(call("user.delete", {{"user", "bob"}}));
  EXPECT_EQ(bus.ended, std::vector<std::string>{"bob"});
}

}  // namespace
}  // namespace dunlin::platform
