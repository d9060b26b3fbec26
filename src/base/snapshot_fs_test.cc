#include "base/snapshot_fs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/virtual_fs.h"

namespace dunlin {
namespace {

using Contents = std::map<std::string, std::string>;
using Wanted = SnapshotFs::Wanted;

const Wanted kAll = [](std::string_view) { return true; };

Contents contents_of(FolderSnapshot& snapshot, SeededRng& rng) {
  Contents contents;
  for (std::size_t i = 0; i < snapshot.files().size(); ++i) {
    const auto& entry = snapshot.files()[i];
    std::string text(entry.size, '?');
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t step = std::min<std::size_t>(text.size() - at, 1 + rng.below(40));
      const auto read =
          snapshot.read_at(i, at, MutableByteView(reinterpret_cast<std::uint8_t*>(text.data()) + at, step));
      EXPECT_TRUE(read && *read == step) << entry.path;
      at += step;
    }
    contents[entry.path] = text;
  }
  return contents;
}

struct SnapshotFsTest : testing::Test {
  SnapshotFsTest() { EXPECT_TRUE(inner.create_folders("data")); }
  std::unique_ptr<File> open(const std::string& path) {
    auto file = fs.open(path, OpenMode::read_write);
    EXPECT_TRUE(file);
    return *std::move(file);
  }
  void put(const std::string& path, std::string_view text) {
    EXPECT_TRUE(open(path)->write_at(0, as_bytes(text)));
  }
  std::unique_ptr<FolderSnapshot> take(const Wanted& wanted = kAll) {
    auto taken = fs.take("data", wanted);
    EXPECT_TRUE(taken) << taken.error().message;
    return taken ? *std::move(taken) : nullptr;
  }

  VirtualFs inner;
  SnapshotFs fs{inner};
  SeededRng rng{1};
};

TEST_F(SnapshotFsTest, KeepsWhatIsOverwrittenAppendedCutRenamedAndRemoved) {
  const auto log = open("data/log");
  ASSERT_TRUE(log->append(as_bytes("0123456789")));
  put("data//old", "old");
  put("./data/key", "one");
  const auto snapshot = take();
  ASSERT_TRUE(log->write_at(8, as_bytes("abcdef")));
  ASSERT_TRUE(log->truncate(4));
  ASSERT_TRUE(log->append(as_bytes("vwxyz")));
  ASSERT_TRUE(fs.remove("data/old"));
  put("data/key.new", "two");
  ASSERT_TRUE(fs.rename("data/key.new", "data/key"));
  ASSERT_TRUE(fs.rename("data/log", "data/spare"));
  ASSERT_TRUE(log->write_at(0, as_bytes("!!!!")));
  EXPECT_EQ(contents_of(*snapshot, rng), (Contents{{"key", "one"}, {"log", "0123456789"}, {"old", "old"}}));
  EXPECT_EQ(read_file(fs, "data/spare").value(), "!!!!vwxyz");
  EXPECT_EQ(read_file(fs, "data/key").value(), "two");
}

TEST_F(SnapshotFsTest, OneAtATimeAndOnlyWhatIsWanted) {
  put("data/a", "a");
  ASSERT_TRUE(fs.create_folders("data/b"));
  put("data/b/c", "c");
  auto snapshot = take([](std::string_view path) { return path != "a"; });
  EXPECT_EQ(contents_of(*snapshot, rng), (Contents{{"b/c", "c"}}));
  const auto second = fs.take("data", kAll);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  snapshot.reset();
  EXPECT_EQ(contents_of(*take(), rng), (Contents{{"a", "a"}, {"b/c", "c"}}));
  EXPECT_FALSE(fs.take("nothing", kAll));
  EXPECT_TRUE(fs.take("data", kAll)) << "a failed one holds nothing";
}

TEST_F(SnapshotFsTest, GivesUpWhenTooMuchIsOverwritten) {
  const std::string much(kMaxSnapshotBytes / 2 + 1, 'x');
  put("data/a", much);
  put("data/b", much);
  auto snapshot = take();
  put("data/a", much);
  snapshot->release(0);
  put("data/a", much);
  put("data/b", much);
  std::array<std::uint8_t, 4> out{};
  EXPECT_TRUE(snapshot->read_at(1, 0, out)) << "what is released takes no room";
  snapshot.reset();
  snapshot = take();
  put("data/a", much);
  put("data/b", std::string(much.size(), 'y'));
  const auto read = snapshot->read_at(0, 0, out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::unavailable);
  EXPECT_EQ(read_file(fs, "data/b", much.size()).value().front(), 'y')
      << "the program is not kept from writing";
}

/// Any changes before and after: what is read is what was there.
TEST_F(SnapshotFsTest, IsTheFolderAtItsInstantWhateverComesAfter) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    VirtualFs disk;
    SnapshotFs over(disk);
    SeededRng chance(seed);
    ASSERT_TRUE(disk.create_folders("data/sub"));
    std::vector<std::unique_ptr<File>> files;
    const auto any_path = [&] {
      return std::string(chance.below(2) == 0 ? "data/" : "data/sub/") +
             std::string(1, static_cast<char>('a' + chance.below(5)));
    };
    const auto change = [&] {
      const std::string text(1 + chance.below(60), static_cast<char>('0' + chance.below(10)));
      switch (chance.below(8)) {
        case 0:
          (void)over.remove(any_path());
          return;
        case 1:
          (void)over.rename(any_path(), any_path());
          return;
        case 2:
          if (chance.below(10) == 0 && over.remove_all("data/sub")) (void)over.create_folders("data/sub");
          return;
        case 3:
          if (auto file = over.open(any_path(), OpenMode::append)) files.push_back(*std::move(file));
          if (files.size() > 6) files.erase(files.begin());
          return;
        default:
          if (files.empty()) return;
          File& file = *files[chance.below(files.size())];
          const std::uint64_t place = chance.below(3);
          if (place == 0) (void)file.append(as_bytes(text));
          if (place == 1) (void)file.write_at(chance.below(100), as_bytes(text));
          if (place == 2) (void)file.truncate(chance.below(100));
      }
    };
    for (int i = 0; i < 60; ++i) change();
    Contents expected;
    auto before = over.take("data", kAll);
    ASSERT_TRUE(before);
    expected = contents_of(**before, chance);
    before->reset();
    auto snapshot = over.take("data", kAll);
    ASSERT_TRUE(snapshot);
    for (int i = 0; i < 60; ++i) change();
    ASSERT_EQ(contents_of(**snapshot, chance), expected) << "seed " << seed;
  }
}

/// A change is in a snapshot as a whole: two files that are always written in order never differ by more
/// than one write, and the later one is never ahead.
TEST_F(SnapshotFsTest, IsOneInstantOfAllFilesWhileThreadsWrite) {
  const auto first = open("data/first");
  const auto second = open("data/second");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string text(32, static_cast<char>('a' + i % 26));
      EXPECT_TRUE(first->append(as_bytes(text)));
      EXPECT_TRUE(second->append(as_bytes(text)));
    }
  });
  std::uint64_t behind = 0;
  for (int i = 0; i < 200 || behind < 20'000; ++i) {
    const auto snapshot = take();
    const std::uint64_t ahead = snapshot->files()[0].size;
    behind = snapshot->files()[1].size;
    EXPECT_TRUE(ahead == behind || ahead == behind + 32) << ahead << " and " << behind;
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace dunlin
