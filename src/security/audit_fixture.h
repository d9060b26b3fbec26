#pragma once
// For tests: an audit log over documents in memory that survive a restart and can be tampered with.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/virtual_executor.h"
#include "security/audit_chain.h"
#include "security/audit_log.h"
#include "security/fake_repository.h"
#include "security/memory_fs.h"
#include "security/wait_for.h"

namespace dunlin::security {

struct AuditTest : testing::Test {
  using Versions = std::vector<std::uint64_t>;
  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  VirtualExecutor executor{scheduler};
  VirtualWorkerPool workers{executor};
  SeededRng rng{7};
  MemoryFs fs;
  metrics::Registry metrics;
  FakeRepository* store = nullptr;  // the chain's
  std::unique_ptr<AuditChain> chain;
  std::unique_ptr<AuditLog> log;

  AuditTest() { restart(); }

  void restart() {
    auto inner = std::make_unique<FakeRepository>();
    if (store != nullptr) inner->documents = store->documents;
    log.reset();
    chain.reset();
    store = inner.get();
    chain = std::make_unique<AuditChain>(
        AuditChainParts{std::move(inner), executor, clock, metrics, AuditKey::open(fs, rng, "data").value()});
    log = std::make_unique<AuditLog>(AuditLog::Parts{*chain, executor, workers, chain->key(), metrics});
    EXPECT_TRUE(wait<void>([&](auto done) { chain->start(executor, std::move(done)); }));
  }

  template <class T, class Ask>
  Result<T> wait(Ask ask) {
    return wait_for<T>(scheduler, std::move(ask));
  }

  store::Change entry(const std::string& action, const std::string& object = "x",
                      const std::string& actor = "ada") {
    return audit_change(kDefaultTenant, clock.wall_now(),
                        {.actor = actor, .action = action, .object = object, .detail = "d"});
  }
  static store::Change put(const std::string& id, std::optional<std::uint64_t> expected = {}) {
    store::Change change;
    change.document = {id, 0, "{}", {}};
    change.expected_version = expected;
    return change;
  }
  Result<Versions> write(std::vector<store::Change> changes) {
    return wait<Versions>([&](auto done) { chain->write(executor, std::move(changes), std::move(done)); });
  }
  void fill(int records) {
    for (int i = 0; i < records; ++i) {
      clock.advance_to(clock.now() + std::chrono::seconds{1});
      ASSERT_TRUE(write({put("t" + std::to_string(i)), entry("thing.put", "t" + std::to_string(i))}));
    }
  }

  AuditReport report() {
    auto found = wait<AuditReport>([&](auto done) { log->verify(1, std::move(done)); });
    EXPECT_TRUE(found);
    return found ? *found : AuditReport{};
  }
  /// What does not hold; empty: all does.
  std::string problem() {
    const AuditReport found = report();
    return found.problem ? found.problem->why : std::string();
  }
  store::Document& record(std::uint64_t sequence) {
    store::Document* found = store->at(store::DocumentKind::audit, audit_id(sequence));
    EXPECT_NE(found, nullptr);
    return *found;
  }
  void erase(const std::string& id) { store->documents.erase({store::DocumentKind::audit, 1, id}); }
  std::size_t expire(AuditExpiry wanted) {
    std::size_t all = 0;
    while (true) {
      const auto removed =
          wait<std::size_t>([&](auto done) { chain->expire(executor, wanted, std::move(done)); });
      EXPECT_TRUE(removed);
      if (!removed || *removed == 0) return all;
      all += *removed;
    }
  }
};

}  // namespace dunlin::security
