#include "platform/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "base/virtual_executor.h"
#include "security/fake_repository.h"
#include "security/memory_fs.h"
#include "security/pki.h"
#include "security/records.h"
#include "security/second_factor.h"
#include "service/provision/grant.h"

namespace dunlin::platform {
namespace {

using Severity = Finding::Severity;

const Finding* find(const Findings& found, std::string_view id) {
  const auto one = std::ranges::find(found, id, &Finding::id);
  return one == found.end() ? nullptr : &*one;
}

std::vector<std::string> ids(const Findings& found) {
  std::vector<std::string> names;
  for (const Finding& finding : found) names.push_back(finding.id);
  return names;
}

ServerConfig on_loopback() {
  ServerConfig config;
  config.listen_mqtts = "127.0.0.1:8883";
  config.listen_https = "127.0.0.1:8443";
  return config;
}

TEST(DoctorSettings, AServerForItsOwnMachineHasNothingToHide) {
  EXPECT_EQ(ids(check_settings(on_loopback())), std::vector<std::string>{});
}

TEST(DoctorSettings, TheDefaultsAreExposedWithoutLimits) {
  const Findings found = check_settings({});
  EXPECT_EQ(ids(found), (std::vector<std::string>{"default_port_exposed", "default_port_exposed",
                                                  "no_connection_limit", "no_publish_limit"}));
  ServerConfig limited;
  limited.listen_mqtts = "[::]:9883";
  limited.listen_https.clear();
  limited.publish_rate = limited.max_connection_rate_per_address = 100;
  EXPECT_EQ(ids(check_settings(limited)), std::vector<std::string>{"listener_on_all_addresses"});
}

TEST(DoctorSettings, EachSwitchThatTakesADefenceAwayIsNamed) {
  const auto names = [](auto&& change, std::string_view id, Severity severity) {
    ServerConfig config = on_loopback();
    change(config);
    const Findings found = check_settings(config);
    const Finding* one = find(found, id);
    ASSERT_NE(one, nullptr) << id;
    EXPECT_EQ(one->severity, severity) << id;
    EXPECT_FALSE(one->what.empty() || one->why.empty() || one->mend.empty()) << id;
  };
  names([](ServerConfig& c) { c.anonymous_on_loopback = true; }, "anonymous", Severity::warning);
  names([](ServerConfig& c) { c.listen_mqtt_unix = "/x", c.unix_mode = "0666"; }, "socket_for_everyone",
        Severity::warning);
  names(
      [](ServerConfig& c) {
        c.listen_mqtt_unix = "/x", c.unix_mode = "0666", c.anonymous_on_loopback = true;
      },
      "socket_for_everyone", Severity::error);
  names([](ServerConfig& c) { c.memory_budget = 0; }, "no_memory_budget", Severity::warning);
  names([](ServerConfig& c) { c.connect_deadline = std::chrono::minutes{5}; }, "slow_connects",
        Severity::warning);
  names([](ServerConfig& c) { c.tls_handshake_deadline = std::chrono::minutes{1}; }, "slow_handshakes",
        Severity::warning);
  names([](ServerConfig& c) { c.max_packet_bytes = 256 << 20; }, "large_packets", Severity::warning);
  names([](ServerConfig& c) { c.durable = false; }, "not_durable", Severity::warning);
  names([](ServerConfig& c) { c.stale_crl = "accept"; }, "stale_lists_accepted", Severity::warning);
  names([](ServerConfig& c) { c.keep_audit = std::chrono::days{1}; }, "short_audit", Severity::warning);
  names([](ServerConfig& c) { c.max_audit_records = 100; }, "short_audit", Severity::warning);
  names([](ServerConfig& c) { c.log_level = "debug"; }, "debug_log", Severity::note);
  names([](ServerConfig& c) { c.listen_https = "192.0.2.1:8443", c.metrics_access = "open"; }, "metrics_open",
        Severity::note);
}

TEST(DoctorSettings, ABridgeSaysItsPasswordAloud) {
  ServerConfig config = on_loopback();
  config.bridges.resize(3);
  config.bridges[0].address = "mqtt://hq.example:1883";
  config.bridges[0].password_file = "/etc/secret";
  config.bridges[1].address = "mqtts://hq.example:8883";
  config.bridges[2].address = "mqtt://127.0.0.1:1884";
  const Findings found = check_settings(config);
  ASSERT_EQ(ids(found), std::vector<std::string>{"bridge_without_tls"});
  EXPECT_EQ(found[0].severity, Severity::error);
}

struct DoctorCertificates : testing::Test {
  VirtualClock clock;
  SystemRng rng;
  security::MemoryFs fs;
  std::unique_ptr<security::Pki> pki = security::Pki::open(fs, clock, rng, "data", {}).value();

  Findings at(Duration later) { return check_certificates(fs, "data", clock.wall_now() + later); }
};

TEST_F(DoctorCertificates, OfANewAuthorityOnlyTheRootsKeyIsWorthANote) {
  const Findings found = at({});
  EXPECT_EQ(ids(found), std::vector<std::string>{"root_key_online"});
  // A key that is moved by hand is in the clear wherever it goes, and nothing of it is in the audit log.
  EXPECT_TRUE(found.at(0).mend.contains("dunlin ca export-root")) << found.at(0).mend;
  EXPECT_TRUE(found.at(0).mend.contains("dunlin ca remove-root")) << found.at(0).mend;
  ASSERT_TRUE(fs.remove("data/pki/root.key"));
  EXPECT_EQ(ids(at({})), std::vector<std::string>{});
}

TEST_F(DoctorCertificates, WhatEndsIsNamedBeforeAndAfter) {
  const auto severities = [&](Duration later, std::string_view id) {
    return std::ranges::count(at(later), id, &Finding::id);
  };
  using std::chrono::days;
  EXPECT_EQ(severities(days{75}, "certificate_expires"), 0);
  EXPECT_EQ(severities(days{80}, "certificate_expires"), 1) << "the server's";
  EXPECT_EQ(severities(days{91}, "certificate_expired"), 1);
  EXPECT_EQ(severities(days{5 * 365 - 100}, "certificate_expires"), 1) << "the intermediate";
  EXPECT_EQ(severities(days{5 * 365 + 1}, "certificate_expired"), 2);
  EXPECT_EQ(severities(days{21 * 365}, "certificate_expired"), 3);
}

TEST_F(DoctorCertificates, AClockThatIsBehindAndABrokenFileAreErrors) {
  EXPECT_EQ(std::ranges::count(at(-std::chrono::days{2}), "clock_behind", &Finding::id), 3);
  fs.files["data/pki/intermediate.pem"] = "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n";
  const Findings found = at({});
  ASSERT_NE(find(found, "certificate_unreadable"), nullptr);
  EXPECT_EQ(find(found, "certificate_unreadable")->severity, Severity::error);
}

struct DoctorRecords : testing::Test {
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  VirtualWorkerPool workers{executor};
  SystemRng rng;
  security::FakeRepository repository;

  void put(store::Change change) {
    repository.put(change.kind, change.document.id, std::move(change.document.body));
  }
  Findings look() {
    std::optional<Findings> answer;
    check_records(repository, executor, clock.wall_now(), [&](Findings found) { answer = std::move(found); });
    scheduler.run_ready();
    EXPECT_TRUE(answer);
    return answer.value_or(Findings{});
  }
  std::int64_t in(Duration later) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               (clock.wall_now() + later).time_since_epoch())
        .count();
  }
  security::TokenRecord token(security::TokenType type, Duration life) {
    security::TokenRecord record = security::make_token(type, "ada", clock.wall_now(), rng).record;
    record.expires_at = life == Duration::zero() ? 0 : in(life);
    return record;
  }
  void put(const security::TokenRecord& record) {
    put(security::put_change(store::DocumentKind::token, kDefaultTenant, security::document_of(record), 0));
  }
};

TEST_F(DoctorRecords, NothingInThemIsNothingFound) {
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
}

TEST_F(DoctorRecords, AnOpenClaimUntilItEnds) {
  security::ClaimRecord claim{.hash = "00", .expires_at = in(std::chrono::hours{1})};
  repository.put(store::DocumentKind::setting, "claim", security::document_of(claim).body);
  EXPECT_EQ(ids(look()), std::vector<std::string>{"claim_open"});
  clock.advance_to(clock.now() + std::chrono::hours{2});
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
  claim.expires_at = in(std::chrono::hours{1});
  claim.state = security::ClaimRecord::State::used;
  repository.put(store::DocumentKind::setting, "claim", security::document_of(claim).body);
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
}

TEST_F(DoctorRecords, TokensThatLiveLong) {
  put(token(security::TokenType::api, std::chrono::days{90}));
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
  put(token(security::TokenType::api, std::chrono::days{1000}));
  EXPECT_EQ(ids(look()), std::vector<std::string>{"token_long"});
  security::TokenRecord all = token(security::TokenType::api, {});
  all.permissions = {"*"};
  put(all);
  put(token(security::TokenType::device, {}));
  const Findings found = look();
  ASSERT_NE(find(found, "token_never_expires"), nullptr);
  EXPECT_EQ(find(found, "token_never_expires")->severity, Severity::error);
  EXPECT_EQ(find(found, "device_tokens_never_expire")->severity, Severity::note);
}

TEST_F(DoctorRecords, WhoMayDoEverythingNeedsASecondFactor) {
  const auto put_user = [&](std::string name, std::vector<std::string> permissions) {
    security::UserRecord user;
    user.name = std::move(name);
    user.permissions = std::move(permissions);
    repository.put(store::DocumentKind::user, user.name, security::document_of(user).body);
  };
  put_user("ada", {"things:read"});
  EXPECT_EQ(ids(look()), std::vector<std::string>{"users_by_password_alone"});
  put_user("root", {"*"});
  EXPECT_EQ(ids(look()), (std::vector<std::string>{"no_second_factor", "users_by_password_alone"}));
  security::SecondFactorRecord factor;
  factor.user = "root";
  factor.salt = std::string(32, '0');
  factor.state = security::SecondFactorRecord::State::pending;
  repository.put(store::DocumentKind::second_factor, "root", security::document_of(factor).body);
  EXPECT_NE(find(look(), "no_second_factor"), nullptr) << "one that was not confirmed";
  factor.state = security::SecondFactorRecord::State::active;
  repository.put(store::DocumentKind::second_factor, "root", security::document_of(factor).body);
  EXPECT_EQ(ids(look()), std::vector<std::string>{"users_by_password_alone"});
}

TEST_F(DoctorRecords, WhatARoleGivesCountsLikeOnesOwn) {
  const security::RoleRecord role{"owners", "", {"*"}, 0};
  repository.put(store::DocumentKind::role, role.name, security::document_of(role).body);
  security::UserRecord user;
  user.name = "ada";
  user.roles = {"owners"};
  repository.put(store::DocumentKind::user, user.name, security::document_of(user).body);
  EXPECT_EQ(ids(look()), std::vector<std::string>{"no_second_factor"});
}

TEST_F(DoctorRecords, ARecordOfTheFutureTellsOfTheClock) {
  security::TokenRecord late = token(security::TokenType::api, std::chrono::days{2});
  late.created_at = in(std::chrono::days{1});
  put(late);
  EXPECT_EQ(ids(look()), std::vector<std::string>{"clock_behind"});
}

TEST_F(DoctorRecords, APolicyForEveryTopic) {
  const std::string_view wide =
      R"({"statements":[{"effect":"allow","actions":["mqtt:publish"],"resources":["topic/#"]}]})";
  for (const std::string_view name : {"anonymous", "lifecycle-activation", "quarantine"})
    repository.put(store::DocumentKind::policy, std::string(name), std::string(wide));
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
  repository.put(store::DocumentKind::policy, "device", std::string(wide));
  EXPECT_EQ(ids(look()), std::vector<std::string>{"policy_wide"});
}

TEST_F(DoctorRecords, DoorsForDevicesThatStandWideOpen) {
  provision::Grant grant;
  grant.kind = provision::GrantKind::code;
  grant.id = std::string(64, 'a');
  grant.created_at = in({});
  grant.expires_at = in(std::chrono::days{1});
  put(provision::put_change(kDefaultTenant, grant));
  EXPECT_EQ(ids(look()), std::vector<std::string>{"enrolment_unbounded"});
  grant.uses_left = 1;
  put(provision::put_change(kDefaultTenant, grant));
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
  grant.expires_at = in(std::chrono::days{300});
  put(provision::put_change(kDefaultTenant, grant));
  EXPECT_EQ(ids(look()), std::vector<std::string>{"claim_lasting"});
  grant.state = provision::Grant::State::disabled;
  put(provision::put_change(kDefaultTenant, grant));
  EXPECT_EQ(ids(look()), std::vector<std::string>{});
}

TEST_F(DoctorRecords, AnUnreadableRecordAndManyOfAKind) {
  for (int i = 0; i < 1234; ++i) put(token(security::TokenType::api, {}));
  repository.put(store::DocumentKind::token, "broken", "{");
  const Findings all = look();
  EXPECT_EQ(std::ranges::count(all, "token_never_expires", &Finding::id), 1234) << "every page is read";
  EXPECT_NE(find(all, "record_unreadable"), nullptr);
  security::MemoryFs fs;
  std::optional<Findings> answer;
  const ServerConfig config = on_loopback();
  examine({executor, workers, fs, clock, config, &repository},
          [&](Findings found) { answer = std::move(found); });
  scheduler.run_ready();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->front().id, "record_unreadable") << "the worst first";
  EXPECT_EQ(std::ranges::count(*answer, "token_never_expires", &Finding::id),
            static_cast<long>(kMaxFindingsOfAKind));
  EXPECT_TRUE(find(*answer, "token_never_expires")->what.ends_with("(and 1224 more of this kind)"));
}

}  // namespace
}  // namespace dunlin::platform
