#include <gtest/gtest.h>

#include "store/conformance/keyed_conformance.h"
#include "store/conformance/repository_conformance.h"
#include "store/reference_keyed.h"
#include "store/reference_repository.h"
#include "store/repository_cache.h"
#include "store/test_machine.h"

namespace dunlin::store {
namespace {

struct VirtualHarness {
  Executor& executor() { return *machine.executor; }
  bool run_until(const std::function<bool()>& done) {
    return machine.scheduler.run_until(done, std::chrono::seconds{1});
  }
  void closed() { machine.restart_process(); }
  TestMachine machine;
};

struct KeyedHarness : VirtualHarness {
  Result<std::unique_ptr<Keyed>> open() {
    return open_reference_keyed(machine.fs, *machine.workers, "keyed");
  }
};

struct RepositoryHarness : VirtualHarness {
  Result<std::unique_ptr<Repository>> open() {
    return open_reference_repository(machine.fs, *machine.workers, "records");
  }
};

struct CachedHarness : VirtualHarness {
  Result<std::unique_ptr<Repository>> open() {
    DUNLIN_TRY(auto inner, open_reference_repository(machine.fs, *machine.workers, "records"));
    return cache_repository(std::move(inner));
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Reference, KeyedConformance, KeyedHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Reference, RepositoryConformance, RepositoryHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Cached, RepositoryConformance, CachedHarness);

/// One key whose value counts up: what is found after a power cut is the last acknowledged number or the one
/// under way.
std::optional<std::string> run_keyed(std::uint64_t seed, SyncIgnored ignored, std::uint64_t failing_call) {
  SeededRng rng(seed);
  TestMachine machine;
  machine.fs.set_sync_ignored(ignored);
  std::uint64_t acknowledged = 0;
  std::uint64_t tried = 0;
  for (int life = 0; life < 4; ++life) {
    auto store = open_reference_keyed(machine.fs, *machine.workers, "keyed");
    if (!store) return "does not open: " + store.error().message;
    std::uint64_t found = 0;
    (*store)->get(*machine.executor, Table::meta, "n", [&](Result<std::optional<std::string>> result) {
      if (result && *result) found = std::stoull(**result);
    });
    machine.settle();
    if (found < acknowledged || found > tried) return "found " + std::to_string(found);
    tried = found;
    if (failing_call == 0) machine.fs.stop_at_call(1 + rng.below(60));
    if (failing_call != 0) machine.fs.fail_call(failing_call, rng.below(2) == 0 ? Errc::io : Errc::no_space);
    for (int i = 0; i < 30; ++i) {
      Batch batch;
      batch.puts.push_back({Table::meta, "n", std::to_string(++tried)});
      // Large enough that the file is compacted now and then.
      batch.puts.push_back({Table::meta, "filler", std::string(rng.below(60'000), 'f')});
      (*store)->write(*machine.executor, std::move(batch), [&acknowledged, n = tried](Result<void> result) {
        if (result) acknowledged = n;
      });
      machine.settle();
    }
    store->reset();
    machine.restart_process();
    machine.fs.cut_power(rng);
  }
  return std::nullopt;
}

TEST(ReferencePowerCut, KeyedKeepsWhatItAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto broken = run_keyed(seed, SyncIgnored::none, 0);
    ASSERT_FALSE(broken) << "seed " << seed << ": " << *broken;
  }
}

TEST(ReferencePowerCut, KeyedWithEveryFailingCall) {
  for (std::uint64_t n = 1; n <= 70; ++n) {
    const auto broken = run_keyed(n, SyncIgnored::none, n);
    ASSERT_FALSE(broken) << "call " << n << ": " << *broken;
  }
}

TEST(ReferencePowerCut, AForgottenSyncIsNoticed) {
  for (const SyncIgnored ignored : {SyncIgnored::files, SyncIgnored::folders}) {
    bool noticed = false;
    for (std::uint64_t seed = 1; seed <= 30 && !noticed; ++seed)
      noticed = run_keyed(seed, ignored, 0).has_value();
    EXPECT_TRUE(noticed);
  }
}

TEST(ReferencePowerCut, RepositoryKeepsWhatItAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SeededRng rng(seed);
    TestMachine machine;
    std::uint64_t acknowledged = 0;
    std::uint64_t tried = 0;
    for (int life = 0; life < 4; ++life) {
      auto store = open_reference_repository(machine.fs, *machine.workers, "records");
      ASSERT_TRUE(store) << "seed " << seed << ": " << store.error().message;
      std::uint64_t found = 0;
      (*store)->get(*machine.executor, DocumentKind::thing, 1, "t",
                    [&](Result<std::optional<Document>> result) {
                      if (result && *result) found = (*result)->version;
                    });
      machine.settle();
      ASSERT_GE(found, acknowledged) << "seed " << seed;
      ASSERT_LE(found, tried) << "seed " << seed;
      tried = found;
      machine.fs.stop_at_call(1 + rng.below(60));
      for (int i = 0; i < 30; ++i) {
        Change change;
        change.document = {"t", 0, std::string(rng.below(60'000), 'b'), {{"f", std::to_string(i)}}};
        ++tried;
        (*store)->write(*machine.executor, {std::move(change)},
                        [&](Result<std::vector<std::uint64_t>> result) {
                          if (result) acknowledged = result->front();
                        });
        machine.settle();
      }
      store->reset();
      machine.restart_process();
      machine.fs.cut_power(rng);
    }
    EXPECT_GT(acknowledged, 0U);
  }
}

TEST(Reference, AFullDiskRefusesAndKeepsWorking) {
  TestMachine machine;
  auto store = open_reference_keyed(machine.fs, *machine.workers, "keyed").value();
  const auto put = [&](std::size_t size) {
    Result<void> answer = fail(Errc::internal, "not answered");
    Batch batch;
    batch.puts.push_back({Table::meta, "k" + std::to_string(size), std::string(size, 'v')});
    store->write(*machine.executor, std::move(batch),
                 [&](Result<void> result) { answer = std::move(result); });
    machine.settle();
    return answer ? Errc::internal : answer.error().code;
  };
  EXPECT_EQ(put(10), Errc::internal);
  machine.fs.set_capacity(16 * 1024);
  EXPECT_EQ(put(100'000), Errc::no_space);
  EXPECT_EQ(put(11), Errc::internal);
  machine.fs.set_capacity(1 << 20);
  EXPECT_EQ(put(100'000), Errc::internal);
}

}  // namespace
}  // namespace dunlin::store
