#include "store/sqlite/sqlite_repository.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "store/conformance/repository_conformance.h"
#include "store/conformance/threads.h"
#include "store/test_machine.h"

namespace dunlin::store {
namespace {

struct VirtualDiskHarness {
  Result<std::unique_ptr<Repository>> open() {
    return open_sqlite_repository({machine.fs, *machine.workers, machine.metrics}, "data/records.sqlite");
  }
  Executor& executor() { return *machine.executor; }
  bool run_until(const std::function<bool()>& done) {
    return machine.scheduler.run_until(done, std::chrono::seconds{1});
  }
  void closed() { machine.restart_process(); }
  TestMachine machine;
};

struct SystemDiskHarness {
  SystemDiskHarness() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dunlin_sqlite_XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~SystemDiskHarness() {
    workers.reset();
    std::filesystem::remove_all(folder);
  }
  Result<std::unique_ptr<Repository>> open() {
    return open_sqlite_repository({*fs, *workers, metrics}, folder + "/records.sqlite");
  }
  Executor& executor() { return test_executor; }
  bool run_until(const std::function<bool()>& done) { return test_executor.run_until(done); }
  void closed() {
    workers.reset();
    workers = std::make_unique<TestWorkers>();
  }
  std::unique_ptr<Fs> fs = make_system_fs();
  std::string folder;
  metrics::Registry metrics;
  TestExecutor test_executor;
  std::unique_ptr<TestWorkers> workers = std::make_unique<TestWorkers>();
};

INSTANTIATE_TYPED_TEST_SUITE_P(SqliteOnVirtualDisk, RepositoryConformance, VirtualDiskHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(SqliteOnSystemDisk, RepositoryConformance, SystemDiskHarness);

TEST(SqliteRepository, OneProcessAtATime) {
  VirtualDiskHarness harness;
  const auto first = harness.open();
  ASSERT_TRUE(first) << first.error().message;
  const auto second = harness.open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
}

TEST(SqliteRepository, AFileThatIsNoDatabaseIsCorrupt) {
  VirtualDiskHarness harness;
  ASSERT_TRUE(harness.machine.fs.create_folders("data"));
  ASSERT_TRUE(
      write_file_atomically(harness.machine.fs, "data/records.sqlite", as_bytes(std::string(5000, 'x'))));
  const auto opened = harness.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

/// Lives of a process that counts a document's version up until the disk stops, then loses its power.
std::optional<std::string> run_power_cuts(std::uint64_t seed, SyncIgnored ignored,
                                          std::uint64_t failing_call) {
  SeededRng rng(seed);
  VirtualDiskHarness harness;
  TestMachine& machine = harness.machine;
  machine.fs.set_sync_ignored(ignored);
  std::uint64_t acknowledged = 0;
  std::uint64_t tried = 0;
  for (int life = 0; life < 4; ++life) {
    auto store = harness.open();
    if (!store) return "does not open: " + store.error().message;
    std::optional<std::uint64_t> found;
    (*store)->get(*machine.executor, DocumentKind::thing, 1, "t",
                  [&](Result<std::optional<Document>> result) {
                    if (result) found = *result ? (*result)->version : 0;
                  });
    machine.settle();
    if (!found) return "does not read";
    if (*found < acknowledged || *found > tried) return "found " + std::to_string(*found);
    tried = *found;
    if (failing_call == 0) machine.fs.stop_at_call(1 + rng.below(150));
    if (failing_call != 0) machine.fs.fail_call(failing_call, rng.below(2) == 0 ? Errc::io : Errc::no_space);
    for (int i = 0; i < 30; ++i) {
      std::vector<Change> changes(2);
      changes[0].document = {"t", 0, std::string(rng.below(20'000), 'b'), {{"f", std::to_string(i % 3)}}};
      changes[1].document = {
          "other" + std::to_string(rng.below(9)), 0, std::string(rng.below(50'000), 'o'), {}};
      ++tried;
      (*store)->write(*machine.executor, std::move(changes), [&](Result<std::vector<std::uint64_t>> result) {
        if (result) acknowledged = result->front();
      });
      machine.settle();
    }
    machine.fs.stop_at_call(1);  // a dead process does not tidy up
    store->reset();
    machine.restart_process();
    machine.fs.cut_power(rng);
  }
  return std::nullopt;
}

TEST(SqlitePowerCut, KeepsWhatItAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto broken = run_power_cuts(seed, SyncIgnored::none, 0);
    ASSERT_FALSE(broken) << "seed " << seed << ": " << *broken;
  }
}

TEST(SqlitePowerCut, EveryFailingCall) {
  for (std::uint64_t n = 1; n <= 100; ++n) {
    const auto broken = run_power_cuts(n, SyncIgnored::none, n);
    ASSERT_FALSE(broken) << "call " << n << ": " << *broken;
  }
}

TEST(SqlitePowerCut, AForgottenSyncIsNoticed) {
  for (const SyncIgnored ignored : {SyncIgnored::files, SyncIgnored::folders}) {
    bool noticed = false;
    for (std::uint64_t seed = 1; seed <= 30 && !noticed; ++seed)
      noticed = run_power_cuts(seed, ignored, 0).has_value();
    EXPECT_TRUE(noticed);
  }
}

TEST(SqliteRepository, AFullDiskRefusesAndKeepsWorking) {
  RepositoryCaller<VirtualDiskHarness> calls;
  calls.open();
  using Calls = RepositoryCaller<VirtualDiskHarness>;
  ASSERT_TRUE(calls.write({Calls::put(DocumentKind::thing, "before", "1")}));
  calls.harness().machine.fs.set_capacity(256 * 1024);
  const auto refused = calls.write({Calls::put(DocumentKind::thing, "large", std::string(1'000'000, 'x'))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::no_space);
  EXPECT_EQ(calls.get(DocumentKind::thing, "before")->body, "1");
  calls.harness().machine.fs.set_capacity(1ULL << 30);
  EXPECT_TRUE(calls.write({Calls::put(DocumentKind::thing, "large", std::string(1'000'000, 'x'))}));
}

}  // namespace
}  // namespace dunlin::store
