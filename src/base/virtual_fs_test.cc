#include "base/virtual_fs.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace dunlin {
namespace {

constexpr int kSeeds = 300;

struct VirtualFsTest : testing::Test {
  static std::unique_ptr<File> open(Fs& fs, const std::string& path, OpenMode mode = OpenMode::append) {
    auto file = fs.open(path, mode);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(file).value();
  }
  static void put(Fs& fs, const std::string& path, std::string_view text) {
    const auto file = open(fs, path);
    EXPECT_TRUE(file->append(as_bytes(text)));
    EXPECT_TRUE(file->sync());
  }
  // What `path` holds after a cut, over many seeds; "-" stands for a file that is not there.
  template <class Prepare>
  static std::set<std::string> outcomes(const std::string& path, Prepare prepare) {
    std::set<std::string> seen;
    for (int seed = 0; seed < kSeeds; ++seed) {
      VirtualFs fs;
      prepare(fs);
      SeededRng rng(static_cast<std::uint64_t>(seed));
      fs.cut_power(rng);
      seen.insert(read_file(fs, path).value_or("-"));
    }
    return seen;
  }

  VirtualFs fs;
  SeededRng rng{7};
};

TEST_F(VirtualFsTest, BehavesLikeAFileSystem) {
  ASSERT_TRUE(fs.create_folders("/data//journal/0"));
  const auto file = open(fs, "/data/journal/0/a", OpenMode::create_new);
  ASSERT_TRUE(file->append(as_bytes("hello")));
  ASSERT_TRUE(file->write_at(7, as_bytes("x")));
  EXPECT_EQ(read_file(fs, "data/./journal/../journal/0/a").value(), std::string("hello\0\0x", 8));
  ASSERT_TRUE(file->truncate(2));
  std::array<std::uint8_t, 8> out{};
  EXPECT_EQ(file->read_at(0, out).value(), 2U);
  EXPECT_EQ(file->read_at(9, out).value(), 0U);
  EXPECT_EQ(file->size().value(), 2U);
  EXPECT_EQ(fs.list("/data/journal").value(), (std::vector<std::string>{"0"}));
  EXPECT_TRUE(fs.is_folder("/data"));
  EXPECT_FALSE(fs.is_folder("/data/journal/0/a"));
  EXPECT_TRUE(fs.remove_all("/data"));
  EXPECT_FALSE(fs.exists("/data"));
  EXPECT_TRUE(fs.remove_all("/data"));
}

// For the thread sanitizer, too.
TEST_F(VirtualFsTest, ThreadsReadOneFileAtTheSameTime) {
  const auto file = open(fs, "/a");
  ASSERT_TRUE(file->append(as_bytes("0123456789")));
  std::array<std::string, 4> seen;
  {
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      readers.emplace_back([&, i] {
        for (std::uint64_t offset = 0; offset < 10; ++offset) {
          std::array<std::uint8_t, 1> out{};
          if (file->read_at(offset, out).value_or(0) == 1) seen[i] += as_text(out);
        }
      });
    }
  }
  for (const std::string& text : seen) EXPECT_EQ(text, "0123456789");
  EXPECT_EQ(fs.counts().reads, 40U);
}

TEST_F(VirtualFsTest, ErrorsAreThoseOfTheSystem) {
  put(fs, "a", "1");
  ASSERT_TRUE(fs.create_folders("d/e"));
  EXPECT_EQ(fs.open("missing", OpenMode::read).error().code, Errc::not_found);
  EXPECT_EQ(fs.open("no/folder", OpenMode::append).error().code, Errc::not_found);
  EXPECT_EQ(fs.open("a", OpenMode::create_new).error().code, Errc::already_exists);
  EXPECT_EQ(fs.open("d", OpenMode::read).error().code, Errc::io);
  EXPECT_EQ(fs.open("a/b", OpenMode::append).error().code, Errc::io);
  EXPECT_EQ(fs.create_folders("a/b").error().code, Errc::already_exists);
  EXPECT_EQ(fs.list("a").error().code, Errc::io);
  EXPECT_EQ(fs.list("b").error().code, Errc::not_found);
  EXPECT_EQ(fs.remove("d").error().code, Errc::io);
  EXPECT_EQ(fs.remove("b").error().code, Errc::not_found);
  EXPECT_EQ(fs.rename("b", "c").error().code, Errc::not_found);
  EXPECT_EQ(fs.rename("a", "d").error().code, Errc::io);
  EXPECT_EQ(fs.rename("d", "d/e/f").error().code, Errc::io);
  EXPECT_EQ(fs.sync_folder("a").error().code, Errc::io);
  EXPECT_EQ(fs.sync_folder("b").error().code, Errc::not_found);
  EXPECT_EQ(open(fs, "a", OpenMode::read)->append(as_bytes("2")).error().code, Errc::io);
  EXPECT_EQ(open(fs, "a")->write_at(UINT64_MAX, as_bytes("2")).error().code, Errc::io);
}

TEST_F(VirtualFsTest, ARemovedFileLivesOnInItsOpenHandle) {
  const auto file = open(fs, "a");
  ASSERT_TRUE(fs.remove("a"));
  ASSERT_TRUE(file->append(as_bytes("still")));
  EXPECT_EQ(file->size().value(), 5U);
  ASSERT_TRUE(fs.sync_folder("."));
  EXPECT_EQ(file->size().value(), 5U);
}

TEST_F(VirtualFsTest, SyncedBytesAndNamesSurviveEveryCut) {
  const auto seen = outcomes("d/a", [](VirtualFs& disk) {
    ASSERT_TRUE(disk.create_folders("d"));
    put(disk, "d/a", "kept");
    ASSERT_TRUE(disk.sync_folder("d"));
  });
  EXPECT_EQ(seen, (std::set<std::string>{"kept"}));
}

TEST_F(VirtualFsTest, AnUnsyncedWriteIsKeptLostOrTornAtAnyByte) {
  const auto seen = outcomes("a", [](VirtualFs& disk) {
    put(disk, "a", "ab");
    ASSERT_TRUE(disk.sync_folder("."));
    ASSERT_TRUE(open(disk, "a")->append(as_bytes("cd")));
  });
  const std::set<std::string> expected{
      "ab", "abcd", "abc", std::string("abc\0", 4), std::string("ab\0\0", 4), std::string("ab\0d", 4)};
  EXPECT_EQ(seen, expected);
}

TEST_F(VirtualFsTest, WhatATornWriteDoesNotReachStaysAsItWas) {
  const auto seen = outcomes("a", [](VirtualFs& disk) {
    put(disk, "a", "ab");
    ASSERT_TRUE(disk.sync_folder("."));
    ASSERT_TRUE(open(disk, "a", OpenMode::read_write)->write_at(0, as_bytes("xy")));
  });
  EXPECT_EQ(seen, (std::set<std::string>{"ab", "xy", "xb", "ay"}));
}

TEST_F(VirtualFsTest, DirectWritesAreOfWholeBlocks) {
  VirtualFs disk;
  alignas(kDirectBlock) std::array<std::uint8_t, 2 * kDirectBlock> blocks{};
  const auto file = open(disk, "a", OpenMode::direct);
  EXPECT_TRUE(file->write_at(0, blocks));
  EXPECT_FALSE(file->write_at(1, ByteView(blocks).first(kDirectBlock)));
  EXPECT_FALSE(file->write_at(0, ByteView(blocks).first(1)));
  EXPECT_FALSE(file->write_at(0, ByteView(blocks).subspan(1, kDirectBlock)));
}

TEST_F(VirtualFsTest, ALaterWriteMaySurviveAnEarlierOne) {
  const auto seen = outcomes("a", [](VirtualFs& disk) {
    put(disk, "a", "");
    ASSERT_TRUE(disk.sync_folder("."));
    const auto file = open(disk, "a");
    ASSERT_TRUE(file->append(as_bytes("1")));
    ASSERT_TRUE(file->append(as_bytes("2")));
  });
  EXPECT_TRUE(
      seen.contains(std::string("\0"
                                "2",
                                2)));
  EXPECT_TRUE(seen.contains("1"));
  EXPECT_TRUE(seen.contains("12"));
  EXPECT_TRUE(seen.contains(""));
}

TEST_F(VirtualFsTest, AnUnsyncedTruncationIsKeptOrLost) {
  const auto seen = outcomes("a", [](VirtualFs& disk) {
    put(disk, "a", "abcd");
    ASSERT_TRUE(disk.sync_folder("."));
    ASSERT_TRUE(open(disk, "a")->truncate(1));
  });
  EXPECT_EQ(seen, (std::set<std::string>{"a", "abcd"}));
}

TEST_F(VirtualFsTest, ANameWithoutAFolderSyncIsKeptOrLost) {
  EXPECT_EQ(outcomes("a", [](VirtualFs& disk) { put(disk, "a", "1"); }), (std::set<std::string>{"-", "1"}));
  const auto removed = [](VirtualFs& disk) {
    put(disk, "a", "1");
    ASSERT_TRUE(disk.sync_folder("."));
    ASSERT_TRUE(disk.remove("a"));
  };
  EXPECT_EQ(outcomes("a", removed), (std::set<std::string>{"-", "1"}));
  const auto removed_durably = [&](VirtualFs& disk) {
    removed(disk);
    ASSERT_TRUE(disk.sync_folder("."));
  };
  EXPECT_EQ(outcomes("a", removed_durably), (std::set<std::string>{"-"}));
}

TEST_F(VirtualFsTest, ARenameIsOldOrNewAndNeverBothOrNeither) {
  std::set<std::string> seen;
  for (int seed = 0; seed < kSeeds; ++seed) {
    VirtualFs disk;
    put(disk, "a", "old");
    put(disk, "b", "new");
    ASSERT_TRUE(disk.sync_folder("."));
    ASSERT_TRUE(disk.rename("b", "a"));
    SeededRng dice(static_cast<std::uint64_t>(seed));
    disk.cut_power(dice);
    const std::string now = read_file(disk, "a").value_or("-");
    seen.insert(now);
    EXPECT_EQ(disk.exists("b"), now == "old");
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST_F(VirtualFsTest, SyncOfTheTargetFolderMakesARenameBetweenFoldersDurable) {
  const auto seen = outcomes("to/b", [](VirtualFs& disk) {
    ASSERT_TRUE(disk.create_folders("from"));
    ASSERT_TRUE(disk.create_folders("to"));
    put(disk, "from/a", "1");
    ASSERT_TRUE(disk.rename("from/a", "to/b"));
    ASSERT_TRUE(disk.sync_folder("to"));
    ASSERT_FALSE(disk.exists("from/a"));
  });
  EXPECT_EQ(seen, (std::set<std::string>{"1"}));
}

TEST_F(VirtualFsTest, ARenamedFolderTakesItsFilesAlong) {
  ASSERT_TRUE(fs.create_folders("d"));
  put(fs, "d/a", "1");
  ASSERT_TRUE(fs.sync_folder("d"));
  ASSERT_TRUE(fs.rename("d", "e"));
  ASSERT_TRUE(fs.sync_folder("."));
  fs.cut_power(rng);
  EXPECT_EQ(read_file(fs, "e/a").value(), "1");
  EXPECT_FALSE(fs.exists("d"));
}

TEST_F(VirtualFsTest, AtomicWriteShowsOldOrNewWhereverItStops) {
  std::set<std::string> seen;
  for (std::uint64_t call = 1; call <= 6; ++call) {
    for (int seed = 0; seed < kSeeds; ++seed) {
      VirtualFs disk;
      ASSERT_TRUE(write_file_atomically(disk, "a", as_bytes("old")));
      disk.stop_at_call(call);
      const bool acknowledged = write_file_atomically(disk, "a", as_bytes("new")).has_value();
      EXPECT_EQ(acknowledged, call == 6);
      SeededRng dice(static_cast<std::uint64_t>(seed));
      disk.cut_power(dice);
      const std::string now = read_file(disk, "a").value_or("-");
      seen.insert(now);
      if (acknowledged) {
        EXPECT_EQ(now, "new");
      }
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST_F(VirtualFsTest, AProgramWithoutItsSyncIsFoundOut) {
  const auto write = [](VirtualFs& disk, SyncIgnored ignored) {
    ASSERT_TRUE(write_file_atomically(disk, "a", as_bytes("old")));
    disk.set_sync_ignored(ignored);
    ASSERT_TRUE(write_file_atomically(disk, "a", as_bytes("new")));
  };
  EXPECT_EQ(outcomes("a", [&](auto& disk) { write(disk, SyncIgnored::none); }),
            (std::set<std::string>{"new"}));
  EXPECT_TRUE(outcomes("a", [&](auto& disk) { write(disk, SyncIgnored::files); }).contains(""));
  EXPECT_TRUE(outcomes("a", [&](auto& disk) { write(disk, SyncIgnored::folders); }).contains("old"));
  EXPECT_TRUE(outcomes("a", [&](auto& disk) { write(disk, SyncIgnored::all); }).contains("n"));
}

TEST_F(VirtualFsTest, OpenFilesDieWithTheirProcess) {
  const auto file = open(fs, "a");
  auto held = fs.lock("lock");
  ASSERT_TRUE(held);
  EXPECT_EQ(fs.lock("lock").error().code, Errc::conflict);
  fs.kill_process();
  std::array<std::uint8_t, 1> out{};
  EXPECT_EQ(file->append(as_bytes("1")).error().code, Errc::io);
  EXPECT_EQ(file->read_at(0, out).error().code, Errc::io);
  EXPECT_EQ(file->size().error().code, Errc::io);
  EXPECT_EQ(file->sync().error().code, Errc::io);
  auto next = fs.lock("lock");
  EXPECT_TRUE(next);
  held->reset();  // the dead process's handle must not free the new holder's lock
  EXPECT_EQ(fs.lock("lock").error().code, Errc::conflict);
  next->reset();
  EXPECT_TRUE(fs.lock("lock"));
}

TEST_F(VirtualFsTest, AKilledProcessLosesNothingItWrote) {
  ASSERT_TRUE(open(fs, "a")->append(as_bytes("not synced")));
  fs.kill_process();
  EXPECT_EQ(read_file(fs, "a").value(), "not synced");
}

TEST_F(VirtualFsTest, TheNthChangingCallFailsAndChangesNothing) {
  const auto file = open(fs, "a");
  fs.fail_call(2, Errc::no_space);
  EXPECT_TRUE(file->append(as_bytes("1")));
  EXPECT_EQ(file->append(as_bytes("2")).error().code, Errc::no_space);
  EXPECT_TRUE(file->append(as_bytes("3")));
  EXPECT_EQ(read_file(fs, "a").value(), "13");
  fs.fail_call(1, Errc::io);
  EXPECT_EQ(fs.rename("a", "b").error().code, Errc::io);
  EXPECT_TRUE(fs.exists("a"));
  EXPECT_EQ(fs.counts().failures, 2U);
}

TEST_F(VirtualFsTest, AStoppedProcessDoesNothingMore) {
  const auto file = open(fs, "a");
  fs.stop_at_call(2);
  EXPECT_TRUE(file->append(as_bytes("1")));
  EXPECT_FALSE(file->append(as_bytes("2")));
  EXPECT_FALSE(file->append(as_bytes("3")));
  EXPECT_FALSE(fs.open("a", OpenMode::read));
  EXPECT_FALSE(fs.sync_folder("."));
  fs.kill_process();
  EXPECT_EQ(read_file(fs, "a").value(), "1");
}

TEST_F(VirtualFsTest, WhatAFailedSyncCoveredIsLostEvenIfALaterSyncSucceeds) {
  const auto file = open(fs, "a");
  ASSERT_TRUE(file->append(as_bytes("1")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(fs.sync_folder("."));
  ASSERT_TRUE(file->append(as_bytes("2")));
  fs.fail_call(1, Errc::io);
  EXPECT_FALSE(file->sync());
  ASSERT_TRUE(file->append(as_bytes("3")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(read_file(fs, "a").value(), "123");
  fs.cut_power(rng);
  EXPECT_EQ(read_file(fs, "a").value(), std::string("1\0"
                                                    "3",
                                                    3));
}

TEST_F(VirtualFsTest, AFullDiskRefusesGrowthAndGivesRoomBack) {
  fs.set_capacity(10);
  const auto file = open(fs, "a");
  ASSERT_TRUE(file->append(as_bytes("12345678")));
  EXPECT_EQ(file->append(as_bytes("90a")).error().code, Errc::no_space);
  EXPECT_EQ(fs.free_space(".").value(), 2U);
  EXPECT_TRUE(file->write_at(0, as_bytes("x")));
  EXPECT_EQ(file->truncate(11).error().code, Errc::no_space);
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(fs.free_space(".").value(), 6U);
  ASSERT_TRUE(fs.remove("a"));
  EXPECT_EQ(fs.free_space(".").value(), 6U) << "the open handle still holds the blocks";
}

TEST_F(VirtualFsTest, ClosingARemovedFileGivesItsRoomBack) {
  fs.set_capacity(10);
  auto file = open(fs, "a");
  ASSERT_TRUE(file->append(as_bytes("12345678")));
  ASSERT_TRUE(fs.remove("a"));
  file.reset();
  EXPECT_EQ(fs.free_space(".").value(), 10U);
}

TEST_F(VirtualFsTest, ReservedBlocksServeAFullDisk) {
  fs.set_capacity(10);
  const auto reserved = open(fs, "a");
  ASSERT_TRUE(reserved->reserve(6));
  EXPECT_EQ(reserved->size().value(), 0U);
  EXPECT_EQ(reserved->reserve(11).error().code, Errc::no_space);
  ASSERT_TRUE(open(fs, "b")->append(as_bytes("1234")));
  EXPECT_EQ(open(fs, "b")->append(as_bytes("5")).error().code, Errc::no_space);
  EXPECT_TRUE(reserved->append(as_bytes("123456")));
  EXPECT_EQ(reserved->append(as_bytes("7")).error().code, Errc::no_space);
}

TEST_F(VirtualFsTest, ASeedRepeatsItsCut) {
  const auto run = [](std::uint64_t seed) {
    VirtualFs disk;
    for (int i = 0; i < 20; ++i) {
      const auto file = open(disk, "f" + std::to_string(i));
      EXPECT_TRUE(file->append(as_bytes("some bytes")));
    }
    SeededRng dice(seed);
    disk.cut_power(dice);
    std::string all;
    const auto names = disk.list(".");
    for (const auto& name : *names) all += name + "=" + read_file(disk, name).value() + ";";
    return all;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST_F(VirtualFsTest, CallsAreCounted) {
  const auto file = open(fs, "a");
  ASSERT_TRUE(file->append(as_bytes("123")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(fs.sync_folder("."));
  std::array<std::uint8_t, 3> out{};
  ASSERT_TRUE(file->read_at(0, out));
  const auto counts = fs.counts();
  EXPECT_EQ(counts.opens, 1U);
  EXPECT_EQ(counts.writes, 1U);
  EXPECT_EQ(counts.bytes_written, 3U);
  EXPECT_EQ(counts.syncs, 1U);
  EXPECT_EQ(counts.folder_syncs, 1U);
  EXPECT_EQ(counts.reads, 1U);
  EXPECT_EQ(counts.changes, 4U);
}

TEST_F(VirtualFsTest, ServesSeveralThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      const auto file = open(fs, "f" + std::to_string(i));
      for (int n = 0; n < 200; ++n) {
        EXPECT_TRUE(file->append(as_bytes("x")));
        EXPECT_TRUE(file->sync());
        EXPECT_TRUE(fs.sync_folder("."));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  fs.cut_power(rng);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(read_file(fs, "f" + std::to_string(i)).value().size(), 200U);
}

}  // namespace
}  // namespace dunlin
