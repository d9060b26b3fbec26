#include "security/audit_chain.h"

#include <gmock/gmock.h>

#include "security/audit_fixture.h"
#include "security/limits.h"
#include "store/conformance/repository_conformance.h"
#include "store/reference_repository.h"
#include "store/test_machine.h"

namespace dunlin::store {
namespace {

Result<std::unique_ptr<security::AuditChain>> open_chain(TestMachine& machine, Rng& rng) {
  DUNLIN_TRY(auto inner, open_reference_repository(machine.fs, *machine.workers, "records"));
  DUNLIN_CHECK(machine.fs.create_folders("data"));
  DUNLIN_TRY(auto key, security::AuditKey::open(machine.fs, rng, "data"));
  return std::make_unique<security::AuditChain>(security::AuditChainParts{
      std::move(inner), *machine.executor, machine.clock, machine.metrics, std::move(key)});
}

struct ChainedHarness {
  Executor& executor() { return *machine.executor; }
  bool run_until(const std::function<bool()>& done) {
    return machine.scheduler.run_until(done, std::chrono::seconds{1});
  }
  void closed() { machine.restart_process(); }
  Result<std::unique_ptr<Repository>> open() { return open_chain(machine, rng); }
  TestMachine machine;
  SeededRng rng{3};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Chained, RepositoryConformance, ChainedHarness);

/// What the log says after a power cut or a failed call in the middle of many writes; empty: it holds, and
/// every acknowledged write has its record.
std::string run_with_faults(std::uint64_t seed) {
  SeededRng rng(seed);
  TestMachine machine;
  std::size_t acknowledged = 0;
  for (int life = 0; life < 4; ++life) {
    auto chain = open_chain(machine, rng);
    if (!chain) return "does not open: " + chain.error().message;
    security::AuditLog log({**chain, *machine.executor, *machine.workers, (*chain)->key(), machine.metrics});
    (*chain)->start(*machine.executor, [](const Result<void>&) {});
    machine.settle();
    std::optional<Result<security::AuditReport>> report;
    log.verify(1, [&](Result<security::AuditReport> result) { report = std::move(result); });
    machine.settle();
    if (!report || !*report) return "cannot be verified in life " + std::to_string(life);
    if ((*report)->problem) return (*report)->problem->why;
    // The first says that the log begins.
    if ((*report)->records < acknowledged + 1) return "an acknowledged record is missing";
    acknowledged = (*report)->records - 1;
    const bool once = rng.below(2) == 0;
    if (once) {
      machine.fs.fail_call(1 + rng.below(20), Errc::no_space);
    } else {
      machine.fs.stop_at_call(1 + rng.below(40));
    }
    for (int i = 0; i < 20; ++i) {
      std::vector<Change> changes;
      changes.push_back(security::audit_change(kDefaultTenant, machine.clock.wall_now(),
                                               {.actor = "ada", .action = "a", .object = std::to_string(i)}));
      (*chain)->write(
          *machine.executor, std::move(changes),
          [&](const Result<std::vector<std::uint64_t>>& written) { acknowledged += written ? 1 : 0; });
      if (rng.below(2) == 0) machine.settle();
    }
    machine.settle();
    chain->reset();
    if (rng.below(2) == 0) {
      machine.fs.cut_power(rng);
    } else {
      machine.fs.kill_process();
    }
    machine.restart_process();
  }
  return {};
}

TEST(AuditChain, HoldsAfterFaultsOfTheDisk) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) EXPECT_EQ(run_with_faults(seed), "") << "seed " << seed;
}

}  // namespace
}  // namespace dunlin::store

namespace dunlin::security {
namespace {

using store::Change;
using store::DocumentKind;
using testing::HasSubstr;
using testing::StartsWith;

using AuditChainTest = AuditTest;

TEST_F(AuditChainTest, NumbersRecordsFromTheFirstOnAndAnswersOnlyWhatWasAsked) {
  EXPECT_EQ(record(1).id, "c00000000000000000001");
  EXPECT_THAT(record(1).body, HasSubstr("audit.begin"));
  EXPECT_EQ(write({put("a"), entry("thing.put", "a"), put("a")}), (Versions{1, 1, 2}));
  EXPECT_EQ(write({entry("one"), entry("two")}), (Versions{1, 1}));
  EXPECT_THAT(record(2).body, HasSubstr("\"sequence\":2,"));
  EXPECT_THAT(record(3).body, HasSubstr("\"action\":\"one\""));
  EXPECT_THAT(record(4).body, HasSubstr("\"action\":\"two\""));
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(report().records, 4U);
}

TEST_F(AuditChainTest, ARefusedWriteGivesItsNumbersBack) {
  ASSERT_TRUE(write({put("a", 0), entry("first")}));
  EXPECT_EQ(write({put("a", 0), entry("refused"), entry("refused")}).error().code, Errc::conflict);
  store->fail_writes = true;
  EXPECT_EQ(write({entry("refused")}).error().code, Errc::io);
  store->fail_writes = false;
  ASSERT_TRUE(write({entry("second")}));
  EXPECT_THAT(record(3).body, HasSubstr("second"));
  EXPECT_EQ(problem(), "");
  EXPECT_FALSE(store->mentions("refused"));
}

TEST_F(AuditChainTest, ManyAtTheSameTimeAreOneChain) {
  int written = 0;
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    // Every third meets the one before.
    chain->write(executor, {put("t" + std::to_string(i - (i % 3 == 2 ? 1 : 0)), 0), entry("thing.create")},
                 [&](const Result<Versions>& result) { ++(result ? written : refused); });
  }
  scheduler.run_ready();
  EXPECT_EQ(written, 200);
  EXPECT_EQ(refused, 100);
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(report().records, 201U);
}

TEST_F(AuditChainTest, WhatIsNoRecordNeitherWaitsNorCounts) {
  std::vector<std::string> order;
  chain->write(executor, {entry("waits")}, [&](const Result<Versions>&) { order.emplace_back("first"); });
  chain->write(executor, {entry("waits")}, [&](const Result<Versions>&) { order.emplace_back("second"); });
  chain->write(executor, {put("t")}, [&](const Result<Versions>&) { order.emplace_back("plain"); });
  scheduler.run_ready();
  EXPECT_EQ(order, (std::vector<std::string>{"plain", "first", "second"}));
}

TEST_F(AuditChainTest, OnlySoManyWait) {
  int refused = 0;
  int written = 0;
  for (std::size_t i = 0; i < kMaxAuditWaiting + 3; ++i) {
    chain->write(executor, {entry("a")}, [&](const Result<Versions>& result) {
      written += result ? 1 : 0;
      refused += !result && result.error().code == Errc::unavailable ? 1 : 0;
    });
  }
  scheduler.run_ready();
  EXPECT_EQ(refused, 2) << "one is under way, as many as the limit wait";
  EXPECT_EQ(written, static_cast<int>(kMaxAuditWaiting) + 1);
  EXPECT_EQ(metrics.value("dunlin_audit_refused_total"), 2);
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditChainTest, NothingButTheChainRemovesOrPlacesARecord) {
  fill(1);
  Change removal;
  removal.action = Change::Action::remove;
  removal.kind = DocumentKind::audit;
  removal.document.id = audit_id(2);
  EXPECT_EQ(write({removal}).error().code, Errc::permission_denied);
  Change forged = entry("a");
  forged.document.body = record(2).body;
  EXPECT_EQ(write({forged}).error().code, Errc::malformed);
  Change other = entry("b");
  other.tenant = 2;
  EXPECT_EQ(write({entry("a"), other}).error().code, Errc::invalid_argument);
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditChainTest, EveryTenantHasAChainOfItsOwn) {
  Change other = entry("b");
  other.tenant = 2;
  ASSERT_TRUE(write({other}));
  ASSERT_TRUE(write({entry("a")}));
  ASSERT_TRUE(write({other}));
  EXPECT_EQ(report().records, 2U);
  const auto second = wait<AuditReport>([&](auto done) { log->verify(2, std::move(done)); });
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->problem);
  EXPECT_EQ(second->records, 3U);
}

TEST_F(AuditChainTest, GoesOnAfterARestart) {
  fill(3);
  restart();
  fill(2);
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(report().records, 6U);
  EXPECT_FALSE(store->mentions("audit.breach"));
}

TEST_F(AuditChainTest, BeginsBehindRecordsFromBefore) {
  store->documents.clear();
  fs.files.clear();
  store->put(DocumentKind::audit, "01700000000000000000-0a1b2c3d", R"({"at":1,"actor":"a"})");
  store->put(DocumentKind::audit, "01700000000000000001-0a1b2c3d", R"({"at":1,"actor":"a"})");
  restart();
  fill(1);
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(report().old, 2U);
  EXPECT_EQ(report().records, 2U);
  EXPECT_THAT(record(1).body, HasSubstr("2 records from before"));
  store->put(DocumentKind::audit, "01700000000000000000-0a1b2c3e", "{}");
  EXPECT_THAT(problem(), HasSubstr("3 records from before the chain are there, and there were 2"));
}

TEST_F(AuditChainTest, ACrashBeforeTheFirstRecordIsNoTheft) {
  store->documents.clear();
  fs.files.clear();
  (void)AuditKey::open(fs, rng, "data");
  restart();
  EXPECT_EQ(problem(), "");
  EXPECT_TRUE(fs.files.contains("data/audit.key"));
  // From now on a store without a log is one that was emptied.
  store->documents.clear();
  restart();
  EXPECT_THAT(problem(), HasSubstr("the head of the log is missing"));
}

// ---- tampering ----

TEST_F(AuditChainTest, AnEditedRecordIsNamed) {
  fill(5);
  std::string& body = record(3).body;
  body.replace(body.find("ada"), 3, "eve");
  EXPECT_THAT(problem(), StartsWith("record 3 was changed"));
  EXPECT_EQ(report().records, 2U);
  EXPECT_EQ(metrics.value("dunlin_audit_verified_problems"), 1);
}

TEST_F(AuditChainTest, AnEditWithANewHashIsNamedAtTheNext) {
  fill(5);
  AuditRecord forged = audit_record_of(record(3).body).value();
  forged.actor = "eve";
  forged.hash = record_hash(forged);
  record(3).body = to_json_text(forged);
  EXPECT_THAT(problem(), StartsWith("record 4 does not follow"));
}

TEST_F(AuditChainTest, ARemovedRecordIsNamed) {
  fill(5);
  erase(audit_id(4));
  EXPECT_EQ(problem(), "record 4 is missing before record 5");
}

TEST_F(AuditChainTest, SwappedRecordsAreNamed) {
  fill(5);
  std::swap(record(3).body, record(4).body);
  EXPECT_THAT(problem(), StartsWith("record 3 is not what is stored in its place: there is record 4"));
}

TEST_F(AuditChainTest, AnInsertedRecordIsNamed) {
  fill(3);
  store->put(DocumentKind::audit, audit_id(2) + "x", record(2).body);
  EXPECT_THAT(problem(), StartsWith("record 3 is not what is stored in its place: there is record 2"));
  erase(audit_id(2) + "x");
  store->put(DocumentKind::audit, "note", "{}");
  EXPECT_THAT(problem(), HasSubstr("\"note\" is no record of this log"));
}

TEST_F(AuditChainTest, RecordsOfTheEndAreMissed) {
  fill(5);
  erase(audit_id(6));
  erase(audit_id(5));
  EXPECT_EQ(problem(), "records 5 to 6 are missing at the end");
  // The next start records it, and its own records do not hide it.
  restart();
  fill(2);
  EXPECT_EQ(problem(), "records 5 to 6 are missing before record 7");
  EXPECT_THAT(record(7).body, HasSubstr("audit.breach"));
}

TEST_F(AuditChainTest, AHeadThatIsCutBackIsNotSigned) {
  fill(5);
  AuditHead head = signed_head_of(store->at(DocumentKind::audit, "head")->body).value().head;
  const AuditRecord last = audit_record_of(record(4).body).value();
  head.last = 4;
  head.hash = last.hash;
  store->at(DocumentKind::audit, "head")->body = to_json_text(head, Digest{});
  erase(audit_id(5));
  erase(audit_id(6));
  EXPECT_THAT(problem(), HasSubstr("the head of the log was changed"));
  restart();
  EXPECT_THAT(problem(),
              StartsWith("record 5 says that the log was found damaged: the head of the log was changed"));
}

TEST_F(AuditChainTest, AMissingHeadIsSeenAndTheChainGoesOn) {
  fill(5);
  erase("head");
  EXPECT_EQ(problem(), "the head of the log is missing");
  restart();
  fill(1);
  EXPECT_THAT(problem(), StartsWith("record 7 says that the log was found damaged"));
  EXPECT_EQ(report().records, 6U);
}

TEST_F(AuditChainTest, RecordsBehindTheHeadAreSeen) {
  fill(2);
  AuditRecord forged = audit_record_of(record(3).body).value();
  forged.previous = forged.hash;
  forged.sequence = 4;
  forged.hash = record_hash(forged);
  store->put(DocumentKind::audit, audit_id(4), to_json_text(forged));
  EXPECT_EQ(problem(), "record 4 is not known to the head of the log");
  restart();
  fill(1);
  EXPECT_THAT(problem(), StartsWith("record 5 says that the log was found damaged"));
}

TEST_F(AuditChainTest, EverySingleBitThatFlipsIsFound) {
  fill(3);
  ASSERT_TRUE(write({entry("a \"quoted\" one", "\xc3\xa4")}));
  const auto stored = store->documents;
  std::size_t flips = 0;
  const auto try_all = [&](const store::Document& document, auto text_of) {
    const std::size_t bits = text_of(stored.at({DocumentKind::audit, 1, document.id})).size() * 8;
    for (std::size_t bit = 0; bit < bits; ++bit) {
      store->documents = stored;
      auto node = store->documents.extract({DocumentKind::audit, 1, document.id});
      std::string& text = text_of(node.mapped());
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
      node.key() = {DocumentKind::audit, 1, node.mapped().id};
      store->documents.insert(std::move(node));
      EXPECT_NE(problem(), "") << document.id << " bit " << bit;
      ++flips;
    }
  };
  for (const auto& [key, document] : stored) {
    if (std::get<0>(key) != DocumentKind::audit) continue;
    try_all(document, [](auto& one) -> auto& { return const_cast<std::string&>(one.body); });
    try_all(document, [](auto& one) -> auto& { return const_cast<std::string&>(one.id); });
    store->documents = stored;
    auto& index = store->documents.at(key).index;
    index.emplace_back("actor", "ada");
    EXPECT_NE(problem(), "") << document.id << " has an index";
  }
  store->documents = stored;
  EXPECT_EQ(problem(), "");
  EXPECT_GT(flips, 10'000U);
}

// ---- retention ----

TEST_F(AuditChainTest, OldRecordsGoAndTheRestHolds) {
  fill(500);
  const std::int64_t now = unix_milliseconds(clock.wall_now());
  EXPECT_EQ(expire({.older_than = now - 100'000}), 400U);
  EXPECT_EQ(problem(), "");
  const AuditReport rest = report();
  EXPECT_EQ(rest.head.first, 401U);
  EXPECT_EQ(rest.records, rest.head.last - 400);
  EXPECT_THAT(record(rest.head.last).body, HasSubstr("audit.expire"));
  EXPECT_EQ(store->at(DocumentKind::audit, audit_id(400)), nullptr);
  // What was removed cannot be made up, nor more of it taken away unseen.
  erase(audit_id(401));
  EXPECT_EQ(problem(), "record 401 is missing before record 402");
}

TEST_F(AuditChainTest, PastTheirNumberTheOldestGo) {
  fill(150);
  EXPECT_EQ(expire({.most = 1000}), 0U);
  const std::size_t removed = expire({.most = 100});
  EXPECT_GE(removed, 51U);
  EXPECT_LE(removed, 60U);
  EXPECT_EQ(problem(), "");
  EXPECT_LE(report().records, 100U);
  const AuditExpiry all{.older_than = unix_milliseconds(clock.wall_now()) + 1'000'000};
  EXPECT_EQ(wait<std::size_t>([&](auto done) { chain->expire(executor, all, std::move(done)); }), 99U);
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(report().records, 2U) << "the last one stays, and the removal is recorded";
  restart();
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditChainTest, RecordsFromBeforeTheChainGoFirst) {
  store->documents.clear();
  fs.files.clear();
  store->put(DocumentKind::audit, "01600000000000000000-0a1b2c3d", "{}");
  restart();
  fill(1);
  EXPECT_EQ(expire({.older_than = unix_milliseconds(clock.wall_now())}), 2U);
  EXPECT_EQ(report().old, 0U);
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditChainTest, WhatCannotBeReadIsNotRemoved) {
  fill(5);
  record(3).body[10] = '!';
  EXPECT_EQ(expire({.older_than = unix_milliseconds(clock.wall_now()) + 1000}), 2U);
  EXPECT_NE(store->at(DocumentKind::audit, audit_id(3)), nullptr);
  EXPECT_THAT(problem(), StartsWith("record 3 cannot be read"));
}

}  // namespace
}  // namespace dunlin::security
