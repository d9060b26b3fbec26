// Backups of a folder that changes meanwhile: taken, restored, verified, thinned out, cut off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/snapshot_fs.h"
#include "base/time_text.h"
#include "base/virtual_fs.h"
#include "security/crypto.h"
#include "service/backup/limits.h"
#include "service/backup/restore.h"
#include "service/backup/run.h"

namespace dunlin::backup {
namespace {

using testing::HasSubstr;

struct BackupTest : testing::Test {
  BackupTest() { EXPECT_TRUE(disk.create_folders("data/journal/0")); }

  void put(const std::string& path, std::string_view text) {
    EXPECT_TRUE(fs.create_folders(parent_folder(path)));
    EXPECT_TRUE(write_file_atomically(fs, path, as_bytes(text)));
  }
  Result<std::unique_ptr<BackupRun>> begin(std::size_t keep = 7) {
    clock.advance_to(clock.now() + std::chrono::seconds{1});
    return BackupRun::begin(fs, fs, clock, {"data", "backups", keep, "1.2.3"});
  }
  static Result<void> finish(BackupRun& run) {
    while (true) {
      DUNLIN_TRY(const BackupRun::Next next, run.step());
      if (next == BackupRun::Next::done) return {};
    }
  }
  /// Answers the bytes that were written.
  std::uint64_t take(std::size_t keep = 7) {
    const auto run = begin(keep);
    EXPECT_TRUE(run) << run.error().message;
    const auto done = finish(**run);
    EXPECT_TRUE(done) << done.error().message;
    return (*run)->progress()->bytes_written;
  }
  std::size_t files_below(const std::string& folder) {
    std::size_t count = 0;
    for (const std::string& name : disk.list(folder).value_or(std::vector<std::string>{})) {
      const std::string path = folder + "/" + name;
      count += disk.is_folder(path) ? files_below(path) : 1;
    }
    return count;
  }
  Result<Restored> restore_to(const std::string& to, std::optional<WallTime> at = {}) {
    return restore(fs, {"backups", at, to});
  }
  std::string block_of(std::string_view text) {
    const std::string hash = security::sha256_hex(as_bytes(text));
    return "backups/blocks/" + hash.substr(0, 2) + "/" + hash;
  }

  VirtualClock clock;
  VirtualFs disk;
  SnapshotFs fs{disk};
};

TEST_F(BackupTest, IsTheFolderAtItsInstant) {
  const std::string large(2 * kBlockBytes + 17, 'l');
  put("data/audit.key", "key");
  put("data/empty", "");
  put("data/keyed/000007.sst", large);
  for (const char* left_out :
       {"lock", "admin.token", "journal/0/next.segment", "samples/00.spare", "keyed/LOCK"})
    put(std::string("data/") + left_out, "x");
  const auto run = begin();
  ASSERT_TRUE(run);
  put("data/audit.key", "another");
  put("data/late", "late");
  ASSERT_TRUE(fs.remove("data/keyed/000007.sst"));
  ASSERT_TRUE(finish(**run));
  const auto restored = restore_to("new");
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->files, 3U);
  EXPECT_EQ(restored->bytes, large.size() + 3);
  EXPECT_EQ(restored->program, "1.2.3");
  EXPECT_EQ(read_file(fs, "new/audit.key").value(), "key");
  EXPECT_EQ(read_file(fs, "new/empty").value(), "");
  EXPECT_EQ(read_file(fs, "new/keyed/000007.sst").value(), large);
  EXPECT_EQ(disk.list("new").value(), (std::vector<std::string>{"audit.key", "empty", "keyed"}));
  EXPECT_FALSE(disk.exists("new.restoring"));
}

TEST_F(BackupTest, TheNextOneWritesWhatIsNew) {
  put("data/a", std::string(kBlockBytes, 'a') + "tail");
  EXPECT_EQ(take(), kBlockBytes + 4);
  EXPECT_EQ(take(), 0U);
  put("data/a", std::string(kBlockBytes, 'a') + "another");
  EXPECT_EQ(take(), 7U);
}

TEST_F(BackupTest, ABlobIsReadOnceOnly) {
  const std::string blob(3 * kBlockBytes, 'b');
  const std::string path = "data/blobs/ab/ab" + std::string(62, '0');
  put(path, blob);
  put("data/blobs/incoming/1", "half");
  EXPECT_EQ(take(), kBlockBytes) << "equal blocks are one";
  const auto reads = disk.counts().reads;
  EXPECT_EQ(take(), 0U);
  EXPECT_LT(disk.counts().reads - reads, 12U) << "markers and manifests, but not the blob";
  ASSERT_TRUE(restore_to("second"));
  EXPECT_EQ(read_file(fs, "second" + path.substr(4)).value(), blob);
  EXPECT_FALSE(disk.exists("second/blobs/incoming"));
  // A block that is missing is copied anew.
  ASSERT_TRUE(disk.remove(block_of(std::string(kBlockBytes, 'b'))));
  EXPECT_EQ(take(), kBlockBytes);
  ASSERT_TRUE(restore_to("third"));
  EXPECT_EQ(read_file(fs, "third" + path.substr(4)).value(), blob);
}

TEST_F(BackupTest, OneOfATimeIsRestored) {
  std::vector<WallTime> instants;
  for (const char* text : {"one", "two", "three"}) {
    put("data/a", text);
    take();
    instants.push_back(clock.wall_now());
  }
  ASSERT_TRUE(restore_to("newest"));
  EXPECT_EQ(read_file(fs, "newest/a").value(), "three");
  ASSERT_TRUE(restore_to("exact", instants[1]));
  EXPECT_EQ(read_file(fs, "exact/a").value(), "two");
  ASSERT_TRUE(restore_to("between", instants[1] - std::chrono::milliseconds{1}));
  EXPECT_EQ(read_file(fs, "between/a").value(), "one");
  const auto before = restore_to("before", instants[0] - std::chrono::milliseconds{1});
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, Errc::not_found);
  EXPECT_THAT(before.error().message, HasSubstr(format_rfc3339(instants[0])));
}

TEST_F(BackupTest, OlderOnesGoWithWhatOnlyTheyNeed) {
  for (const char* text : {"one", "two", "three"}) {
    put("data/a", text);
    put("data/same", "same");
    take(2);
  }
  EXPECT_EQ(disk.list("backups/manifests").value().size(), 2U);
  EXPECT_FALSE(disk.exists(block_of("one")));
  EXPECT_TRUE(disk.exists(block_of("two")) && disk.exists(block_of("same")));
  EXPECT_TRUE(verify(fs, "backups")->damages.empty());
}

TEST_F(BackupTest, NotIntoTheDataFolderNorIntoAnotherUse) {
  put("data/a", "a");
  for (const char* to : {"data", "data/backups", "./data/", "."}) {
    const auto run = BackupRun::begin(fs, fs, clock, {"data", to, 7, ""});
    ASSERT_FALSE(run) << to;
    EXPECT_EQ(run.error().code, Errc::invalid_argument);
  }
  put("home/file", "mine");
  const auto home = BackupRun::begin(fs, fs, clock, {"data", "home", 7, ""});
  ASSERT_FALSE(home);
  EXPECT_EQ(home.error().code, Errc::conflict);
  EXPECT_EQ(files_below("home"), 1U);
  const auto first = begin();
  ASSERT_TRUE(first);
  EXPECT_FALSE(begin());
}

TEST_F(BackupTest, RestoreAsksForAnEmptyFolder) {
  put("data/a", "a");
  take();
  put("mine/file", "mine");
  EXPECT_EQ(restore_to("mine").error().code, Errc::conflict);
  ASSERT_TRUE(fs.create_folders("empty"));
  EXPECT_TRUE(restore_to("empty/"));
  EXPECT_EQ(read_file(fs, "empty/a").value(), "a");
  EXPECT_EQ(restore(fs, {"data", {}, "other"}).error().code, Errc::not_found);
}

TEST_F(BackupTest, EveryChangedByteIsFoundAndRefused) {
  put("data/a", "content of a");
  put("data/b", "content of b");
  take();
  const std::string good = read_file(disk, block_of("content of a")).value();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    ASSERT_TRUE(write_file_atomically(disk, block_of(good), as_bytes(bad)));
    const auto verified = verify(fs, "backups");
    ASSERT_TRUE(verified);
    ASSERT_EQ(verified->damaged, 1U);
    EXPECT_THAT(verified->damages.front(), HasSubstr("a: block"));
    const auto refused = restore_to("new");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::corrupt);
    EXPECT_FALSE(disk.exists("new") || disk.exists("new.restoring"));
  }
  ASSERT_TRUE(disk.remove(block_of(good)));
  EXPECT_THAT(verify(fs, "backups")->damages.front(), HasSubstr("missing"));
  const std::string name = disk.list("backups/manifests")->front();
  const std::string manifest = read_file(disk, "backups/manifests/" + name).value();
  for (std::size_t i = 0; i < manifest.size(); i += 7) {
    std::string bad = manifest;
    bad[i] = static_cast<char>(bad[i] ^ 0x01);
    EXPECT_FALSE(decode(bad)) << i;
  }
}

TEST_F(BackupTest, ADamagedNewestManifestIsNotPassedOverInSilence) {
  put("data/a", "one");
  take();
  const WallTime first = clock.wall_now();
  put("data/a", "two");
  take();
  const std::string newest = "backups/manifests/" + manifest_name(clock.wall_now());
  ASSERT_TRUE(write_file_atomically(disk, newest, as_bytes("{}\n")));
  EXPECT_EQ(restore_to("new").error().code, Errc::corrupt);
  EXPECT_TRUE(restore_to("older", first));
  put("data/a", "three");
  take(1);
  EXPECT_TRUE(disk.exists(block_of("two"))) << "what a damaged manifest needs nobody knows";
}

TEST_F(BackupTest, AFullDiskTakesTheBackupBackAndNothingElse) {
  put("data/a", std::string(kBlockBytes, 'a'));
  take();
  const std::size_t before = files_below("backups");
  std::string fresh(3 * kBlockBytes, 'b');
  for (std::size_t i = 0; i < 3; ++i) fresh[i * kBlockBytes] = static_cast<char>('0' + i);
  put("data/b", fresh);
  disk.set_capacity((1ULL << 40) - disk.free_space("data").value() + kBlockBytes + kBlockBytes / 2);
  auto run = begin();
  ASSERT_TRUE(run);
  const auto done = finish(**run);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::no_space);
  run->reset();
  EXPECT_EQ(files_below("backups"), before);
  EXPECT_TRUE(restore_to("new"));
  EXPECT_TRUE(verify(fs, "backups")->damages.empty());
}

/// The power goes at every step of a second backup: the first one stays, the second one is whole or none.
TEST_F(BackupTest, APowerCutAtAnyStepLeavesWholeBackups) {
  std::size_t whole_ones = 0;
  for (std::uint64_t at = 1; at < 200; ++at) {
    VirtualFs machine;
    SnapshotFs over(machine);
    SeededRng rng(at);
    VirtualClock time;
    ASSERT_TRUE(machine.create_folders("data"));
    const auto backup = [&](std::string_view text) -> Result<void> {
      time.advance_to(time.now() + std::chrono::seconds{1});
      DUNLIN_CHECK(write_file_atomically(machine, "data/a", as_bytes(text)));
      DUNLIN_TRY(const auto run, BackupRun::begin(over, over, time, {"data", "backups", 7, ""}));
      return finish(*run);
    };
    ASSERT_TRUE(backup("one"));
    machine.stop_at_call(at);
    const bool second = backup("two").has_value();
    machine.cut_power(rng);
    const auto verified = verify(machine, "backups");
    ASSERT_TRUE(verified);
    EXPECT_TRUE(verified->damages.empty()) << at << ": " << verified->damages.front();
    ASSERT_GE(verified->backups, second ? 2U : 1U);
    whole_ones += verified->backups - 1;
    ASSERT_TRUE(restore(machine, {"backups", {}, "new"}));
    EXPECT_EQ(read_file(machine, "new/a").value(), verified->backups == 2 ? "two" : "one");
    ASSERT_TRUE(backup("three")) << "what was left does not stand in the way";
    if (second && at > 30) break;
  }
  EXPECT_GT(whole_ones, 0U);
}

TEST(BackupManifestTest, NamesNothingOutsideTheFolder) {
  for (const char* path : {"", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", "./a", "a/."}) {
    Manifest manifest{from_unix_milliseconds(1'800'000'000'123), "1", {{path, 0}}};
    EXPECT_FALSE(decode(encode(manifest))) << path;
  }
  Manifest twice{from_unix_milliseconds(0), "1", {{"a", 0}, {"a", 0}}};
  EXPECT_FALSE(decode(encode(twice)));
  Manifest good{
      from_unix_milliseconds(1'800'000'000'123), "1", {{"a", 0}, {"a/b", 5, {std::string(64, 'f')}}}};
  const auto read = decode(encode(good));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->instant, good.instant);
  EXPECT_EQ(read->bytes(), 5U);
  EXPECT_EQ(manifest_name(good.instant), "2027-01-15T08-00-00.123Z.json");
}

/// The example of docs/formats/backup.md.
TEST(BackupManifestTest, IsWrittenAsTheFormatsPageSays) {
  const auto disk = make_system_fs();
  const std::string text = read_file(*disk, DUNLIN_SOURCE_DIR "/src/service/backup/corpus/manifest").value();
  const auto read = decode(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode(*read), text);
  const std::string page = read_file(*disk, DUNLIN_SOURCE_DIR "/docs/formats/backup.md").value();
  for (const std::string_view line : {std::string_view(text).substr(0, text.find('\n')),
                                      std::string_view(text).substr(text.find('\n') + 1, 71)})
    EXPECT_TRUE(page.contains(line)) << line;
}

}  // namespace
}  // namespace dunlin::backup
