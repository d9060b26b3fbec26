#include "security/audit_sums.h"

#include <gmock/gmock.h>

#include "security/audit_fixture.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct AuditSumsTest : AuditTest {
  AuditSums sums{{executor, *chain, kDefaultTenant, metrics}};

  void add(const std::string& name, const std::string& address, AuditOutcome outcome = AuditOutcome::failed) {
    sums.add({.actor = {name, Proof::password, address},
              .action = "session.login",
              .object = name,
              .outcome = outcome,
              .detail = {}});
    scheduler.run_ready();
  }
  void pass_minute() { scheduler.run_for(kAuditSumTime + std::chrono::seconds{1}); }
  /// New records since the last call: "name address count".
  std::vector<std::string> news() {
    std::vector<std::string> found;
    const auto page = wait<AuditPage>([&](auto done) { log->list({.limit = 1000}, std::move(done)); });
    for (const AuditRecord& record : page->records) {
      if (record.sequence <= seen_) break;
      found.insert(found.begin(), record.actor + " " + record.address + " " + std::to_string(record.count));
    }
    if (!page->records.empty()) seen_ = page->records.front().sequence;
    return found;
  }
  std::uint64_t seen_ = 1;
};

TEST_F(AuditSumsTest, TheFirstIsStoredAtOnceTheOthersOncePerMinute) {
  add("bob", "192.0.2.1:1");
  EXPECT_THAT(news(), ElementsAre("bob 192.0.2.1:1 1"));
  for (int i = 0; i < 50; ++i) add("bob", "192.0.2.1:1");
  EXPECT_THAT(news(), IsEmpty());
  pass_minute();
  EXPECT_THAT(news(), ElementsAre("bob 192.0.2.1:1 50"));
  add("bob", "192.0.2.1:2");
  EXPECT_THAT(news(), IsEmpty()) << "it goes on: no record at once";
  pass_minute();
  EXPECT_THAT(news(), ElementsAre("bob 192.0.2.1:1 1"));
  pass_minute();
  pass_minute();
  EXPECT_THAT(news(), IsEmpty());
  add("bob", "192.0.2.1:3");
  EXPECT_THAT(news(), ElementsAre("bob 192.0.2.1:3 1")) << "after a quiet minute it begins anew";
}

TEST_F(AuditSumsTest, FailuresOfOneNameOrOneAddressBelongTogether) {
  add("a", "192.0.2.1:1");
  add("b", "192.0.2.1:2");
  add("c", "192.0.2.1:3");
  add("admin", "198.51.100.1:1");
  add("admin", "198.51.100.2:1");
  EXPECT_THAT(news(), ElementsAre("a 192.0.2.1:1 1", "admin 198.51.100.1:1 1"));
  pass_minute();
  EXPECT_THAT(news(), ElementsAre("(several) 192.0.2.1:1 2", "admin (several) 1"));
}

TEST_F(AuditSumsTest, SuccessesOfTwoAreTwo) {
  add("a", "192.0.2.1:1", AuditOutcome::ok);
  add("b", "192.0.2.1:1", AuditOutcome::ok);
  add("a", "192.0.2.1:1", AuditOutcome::failed);
  EXPECT_EQ(news().size(), 3U);
}

TEST_F(AuditSumsTest, NobodyFillsTheDisk) {
  for (int i = 0; i < 20'000; ++i) {
    add("name" + std::to_string(i),
        "10." + std::to_string(i / 250 % 250) + "." + std::to_string(i % 250) + ".1:1");
    if (i % 5000 == 4999) pass_minute();
  }
  EXPECT_LE(news().size(), 4 * (kMaxAuditSums + 1) + kMaxAuditSums);
  const auto page = wait<AuditPage>([&](auto done) { log->list({.limit = 1000}, std::move(done)); });
  std::uint64_t all = 0;
  for (const AuditRecord& record : page->records) all += record.action == "audit.begin" ? 0 : record.count;
  EXPECT_EQ(all, 20'000U) << "every one is counted";
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditSumsTest, WhatIsCountedIsStoredAtTheEnd) {
  add("a", "192.0.2.1:1");
  add("a", "192.0.2.1:1");
  EXPECT_TRUE(wait<void>([&](auto done) { sums.flush(std::move(done)); }));
  EXPECT_EQ(news().size(), 2U);
  store->fail_writes = true;
  add("z", "192.0.2.9:1");
  EXPECT_EQ(metrics.value("dunlin_audit_events_lost_total"), 1);
}

}  // namespace
}  // namespace dunlin::security
