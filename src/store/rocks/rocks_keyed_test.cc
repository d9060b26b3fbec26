#include "store/rocks/rocks_keyed.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <latch>

#include "base/hex.h"
#include "base/virtual_fs.h"
#include "store/conformance/keyed_conformance.h"
#include "store/conformance/threads.h"
#include "store/rocks/rocks_manifest.h"

namespace dunlin::store {
namespace {

/// A store over real threads; closed() waits until nothing of it is under way.
struct Threads {
  Executor& executor() { return test_executor; }
  bool run_until(const std::function<bool()>& done) { return test_executor.run_until(done); }
  void closed() {
    workers.reset();
    workers = std::make_unique<TestWorkers>();
  }
  metrics::Registry metrics;
  TestExecutor test_executor;
  std::unique_ptr<TestWorkers> workers = std::make_unique<TestWorkers>();
};

struct VirtualDiskHarness : Threads {
  ~VirtualDiskHarness() { workers.reset(); }
  Result<std::unique_ptr<Keyed>> open() {
    return open_rocks_keyed({fs, *workers, metrics}, {.folder = "keyed"});
  }
  VirtualFs fs;
};

struct SystemDiskHarness : Threads {
  SystemDiskHarness() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dunlin_rocks_XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~SystemDiskHarness() {
    workers.reset();
    std::filesystem::remove_all(folder);
  }
  Result<std::unique_ptr<Keyed>> open() {
    return open_rocks_keyed({*fs, *workers, metrics}, {.folder = folder + "/keyed"});
  }
  std::unique_ptr<Fs> fs = make_system_fs();
  std::string folder;
};

INSTANTIATE_TYPED_TEST_SUITE_P(RocksOnVirtualDisk, KeyedConformance, VirtualDiskHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(RocksOnSystemDisk, KeyedConformance, SystemDiskHarness);

TEST(RocksKeyed, WaitingWritesShareASync) {
  KeyedCaller<VirtualDiskHarness> calls;
  calls.open();
  // While the workers are busy the writes gather, however slow this thread is.
  std::latch all_given(1);
  for (std::size_t i = 0; i < TestWorkers::kThreads; ++i)
    calls.harness().workers->run([&all_given] { all_given.wait(); });
  int answered = 0;
  for (int i = 0; i < 500; ++i) {
    Batch batch;
    batch.puts.push_back({Table::session, std::to_string(i), "v"});
    calls.store().write(calls.harness().executor(), std::move(batch),
                        [&](Result<void> result) { answered += result ? 1 : 0; });
  }
  all_given.count_down();
  ASSERT_TRUE(calls.harness().run_until([&] { return answered == 500; }));
  EXPECT_LT(calls.harness().metrics.value("dunlin_store_rocks_syncs_total"), 50.0);
}

TEST(RocksKeyed, WritesNoLogFilesAndBoundsItsFiles) {
  KeyedCaller<VirtualDiskHarness> calls;
  calls.open();
  for (int i = 0; i < 60; ++i)
    ASSERT_TRUE(calls.put(Table::series, std::to_string(i % 7), std::string(1'000'000, 'v')));
  std::uint64_t wal_bytes = 0;
  const auto names = calls.harness().fs.list("keyed").value();
  for (const std::string& name : names) {
    EXPECT_FALSE(name.starts_with("LOG")) << name;
    if (name.ends_with(".log"))
      wal_bytes += calls.harness().fs.open("keyed/" + name, OpenMode::read).value()->size().value();
  }
  EXPECT_LT(wal_bytes, 24U * 1024 * 1024);
}

TEST(RocksKeyed, OneProcessAtATime) {
  KeyedCaller<VirtualDiskHarness> calls;
  calls.open();
  const auto second = calls.harness().open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
}

/// The keys from `key` on, with their values behind an equals sign.
std::string entries_from(EntryIterator& at, std::string_view key) {
  std::string all;
  for (auto entry = at.seek(key); entry && *entry; entry = at.next())
    all += std::string((*entry)->key) + "=" + std::string((*entry)->value) + " ";
  return all;
}

TEST(RocksKeyed, AnIteratorSeesATableAsItWas) {
  Threads threads;
  VirtualFs fs;
  auto store = open_rocks_keyed({fs, *threads.workers, threads.metrics}, {.folder = "k"}).value();
  const auto write = [&](Batch batch) {
    bool is_written = false;
    store->write(threads.executor(), std::move(batch), [&](Result<void> result) {
      EXPECT_TRUE(result);
      is_written = true;
    });
    ASSERT_TRUE(threads.run_until([&] { return is_written; }));
  };
  write({.puts = {{Table::series, "a", "1"}, {Table::series, "c", "3"}, {Table::meta, "b", "other"}}});
  auto before = store->iterator(Table::series).value();
  write({.puts = {{Table::series, "b", "2"}}, .deletes = {{Table::series, "c"}}});
  auto after = store->iterator(Table::series).value();
  EXPECT_EQ(entries_from(*before, ""), "a=1 c=3 ");
  EXPECT_EQ(entries_from(*before, "b"), "c=3 ");
  EXPECT_EQ(entries_from(*before, "d"), "");
  EXPECT_EQ(entries_from(*after, "a"), "a=1 b=2 ");
  before.reset();
  after.reset();
  store.reset();
  threads.closed();
}

TEST(RocksKeyed, RefusesWhenTooMuchWaits) {
  Threads threads;
  VirtualFs fs;
  auto store =
      open_rocks_keyed({fs, *threads.workers, threads.metrics}, {.folder = "k", .max_pending_bytes = 1000})
          .value();
  int unavailable = 0;
  int answered = 0;
  for (int i = 0; i < 2000; ++i) {
    Batch batch;
    batch.puts.push_back({Table::meta, std::to_string(i), std::string(500, 'v')});
    store->write(threads.executor(), std::move(batch), [&](Result<void> result) {
      ++answered;
      if (!result && result.error().code == Errc::unavailable) ++unavailable;
    });
  }
  ASSERT_TRUE(threads.run_until([&] { return answered == 2000; }));
  EXPECT_GT(unavailable, 0);
  EXPECT_LT(unavailable, 2000);
  store.reset();
  threads.closed();
}

/// Lives of a process that writes rising numbers until the disk stops, then loses its power.
std::optional<std::string> run_power_cuts(std::uint64_t seed, SyncIgnored ignored,
                                          std::uint64_t failing_call) {
  SeededRng rng(seed);
  VirtualFs fs;
  fs.set_sync_ignored(ignored);
  std::uint64_t acknowledged = 0;
  std::uint64_t tried = 0;
  for (int life = 0; life < 3; ++life) {
    Threads threads;
    auto store = open_rocks_keyed({fs, *threads.workers, threads.metrics},
                                  {.folder = "keyed", .write_buffer_bytes = 256 * 1024});
    if (!store) return "does not open: " + store.error().message;
    std::optional<std::uint64_t> found;
    (*store)->get(threads.executor(), Table::meta, "n", [&](Result<std::optional<std::string>> result) {
      found = result ? std::stoull(result->value_or("0")) : ~0ULL;
    });
    if (!threads.run_until([&] { return found.has_value(); })) return "does not answer";
    if (*found < acknowledged || *found > tried) return "found " + std::to_string(*found);
    tried = *found;
    if (failing_call == 0) fs.stop_at_call(1 + rng.below(120));
    if (failing_call != 0) fs.fail_call(failing_call, rng.below(2) == 0 ? Errc::io : Errc::no_space);
    int waiting = 0;
    for (int i = 0; i < 60; ++i) {
      Batch batch;
      batch.puts.push_back({Table::meta, "n", std::to_string(++tried)});
      // Enough to fill memtables, so that tables, manifests and new logs are written too.
      batch.puts.push_back(
          {Table::series, std::to_string(rng.below(50)), std::string(rng.below(20'000), 'f')});
      ++waiting;
      (*store)->write(threads.executor(), std::move(batch),
                      [&acknowledged, &waiting, n = tried](Result<void> result) {
                        --waiting;
                        if (result) acknowledged = n;
                      });
      if (rng.below(3) == 0 && !threads.run_until([&] { return waiting == 0; })) return "does not answer";
    }
    if (!threads.run_until([&] { return waiting == 0; })) return "does not answer";
    fs.stop_at_call(1);  // a dead process does not tidy up
    store->reset();
    threads.workers.reset();
    fs.cut_power(rng);
  }
  return std::nullopt;
}

/// RocksDB sleeps a second after an error in the background, so the usual run is short; DUNLIN_TEST_SEEDS
/// asks for more.
std::uint64_t seeds_or(std::uint64_t usual) {
  const char* given = std::getenv("DUNLIN_TEST_SEEDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : usual;
}

TEST(RocksPowerCut, KeepsWhatItAcknowledged) {
  const std::uint64_t seeds = seeds_or(4);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto broken = run_power_cuts(seed, SyncIgnored::none, 0);
    ASSERT_FALSE(broken) << "seed " << seed << ": " << *broken;
  }
}

TEST(RocksPowerCut, EveryFailingCall) {
  for (std::uint64_t n = 1; n <= 60; n += 12) {
    const auto broken = run_power_cuts(n, SyncIgnored::none, n);
    ASSERT_FALSE(broken) << "call " << n << ": " << *broken;
  }
}

TEST(RocksPowerCut, AForgottenSyncIsNoticed) {
  for (const SyncIgnored ignored : {SyncIgnored::files, SyncIgnored::folders}) {
    bool noticed = false;
    for (std::uint64_t seed = 1; seed <= 10 && !noticed; ++seed)
      noticed = run_power_cuts(seed, ignored, 0).has_value();
    EXPECT_TRUE(noticed);
  }
}

TEST(RocksManifest, EndsWithTheLastWholeRecord) {
  // An empty database's manifest, cut and damaged at every byte.
  KeyedCaller<VirtualDiskHarness> calls;
  calls.open();
  VirtualFs& fs = calls.harness().fs;
  const std::string current = read_file(fs, "keyed/CURRENT").value();
  const std::string bytes = read_file(fs, "keyed/" + current.substr(0, current.size() - 1)).value();
  ASSERT_GT(bytes.size(), 100U);
  EXPECT_EQ(end_of_whole_records(bytes), bytes.size());
  EXPECT_EQ(end_of_whole_records(bytes + std::string(9, '\0')), bytes.size());
  std::uint64_t previous = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto end = end_of_whole_records(std::string_view{bytes}.substr(0, size));
    EXPECT_LE(end, size);
    EXPECT_GE(end, previous);
    previous = end;
    std::string damaged = bytes;
    damaged[size] = static_cast<char>(damaged[size] ^ 1);
    EXPECT_LE(end_of_whole_records(damaged), size);
  }
}

TEST(RocksManifest, DamageOfWhatWasSyncedIsCorrupt) {
  KeyedCaller<VirtualDiskHarness> calls;
  calls.open();
  ASSERT_TRUE(calls.put(Table::meta, "k", "v"));
  VirtualFs& fs = calls.harness().fs;
  const std::string current = read_file(fs, "keyed/CURRENT").value();
  fs.kill_process();
  auto file = fs.open("keyed/" + current.substr(0, current.size() - 1), OpenMode::read_write).value();
  ASSERT_TRUE(file->write_at(60, as_bytes("damage")));
  const std::string bytes = read_file(fs, "keyed/" + current.substr(0, current.size() - 1)).value();
  ASSERT_LT(end_of_whole_records(bytes), 66U) << current << bytes.size() << " " << to_hex(as_bytes(bytes));
  const auto opened = calls.harness().open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST(RocksKeyed, GoesOnWhenAFullDiskHasRoomAgain) {
  KeyedCaller<VirtualDiskHarness> calls;
  calls.open();
  ASSERT_TRUE(calls.put(Table::meta, "before", "1"));
  calls.harness().fs.set_capacity(100'000);
  Result<void> last;
  for (int i = 0; i < 50 && last; ++i)
    last = calls.put(Table::meta, "k" + std::to_string(i), std::string(10'000, 'v'));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, Errc::no_space);
  calls.harness().fs.set_capacity(1ULL << 30);
  for (int i = 0; i < 50 && !last; ++i) last = calls.put(Table::meta, "after", "2");
  EXPECT_TRUE(last) << last.error().message;
  calls.reopen();
  EXPECT_EQ(calls.get(Table::meta, "before"), "1");
  EXPECT_EQ(calls.get(Table::meta, "after"), last ? std::optional<std::string>{"2"} : std::nullopt);
}

}  // namespace
}  // namespace dunlin::store
