#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/fs.h"

namespace dunlin {
namespace {

struct SystemFsTest : testing::Test {
  void SetUp() override {
    std::string pattern = testing::TempDir() + "dunlin_fs_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { EXPECT_TRUE(fs->remove_all(folder)); }

  std::string at(const std::string& name) const { return folder + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, OpenMode mode) {
    auto file = fs->open(at(name), mode);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(file).value();
  }
  mode_t mode_of(const std::string& name) const {
    struct stat info{};
    EXPECT_EQ(stat(at(name).c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  std::unique_ptr<Fs> fs = make_system_fs();
  std::string folder;
};

TEST_F(SystemFsTest, WritesAreReadBack) {
  const auto file = open("a", OpenMode::read_write);
  ASSERT_TRUE(file->append(as_bytes("hello ")));
  ASSERT_TRUE(file->append(as_bytes("world")));
  ASSERT_TRUE(file->write_at(0, as_bytes("J")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size().value(), 11U);
  EXPECT_EQ(read_file(*fs, at("a")).value(), "Jello world");
  std::array<std::uint8_t, 8> out{};
  EXPECT_EQ(file->read_at(6, out).value(), 5U);
  EXPECT_EQ(file->read_at(11, out).value(), 0U);
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(read_file(*fs, at("a")).value(), "Jello");
}

TEST_F(SystemFsTest, BlocksWrittenPastTheCacheAreReadBack) {
  alignas(kDirectBlock) std::array<std::uint8_t, 2 * kDirectBlock> blocks{};
  const auto file = open("a", OpenMode::direct);
  blocks.fill('a');
  ASSERT_TRUE(file->write_at(0, blocks));
  EXPECT_EQ(read_file(*fs, at("a")).value(), std::string(2 * kDirectBlock, 'a'));
  blocks.fill('b');
  ASSERT_TRUE(file->write_at(kDirectBlock, ByteView(blocks).first(kDirectBlock)));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(read_file(*fs, at("a")).value(), std::string(kDirectBlock, 'a') + std::string(kDirectBlock, 'b'));
  std::array<std::uint8_t, 2> out{};
  EXPECT_EQ(file->read_at(kDirectBlock - 1, out).value(), 2U);  // reading knows no blocks
  EXPECT_EQ(out, (std::array<std::uint8_t, 2>{'a', 'b'}));
  ASSERT_TRUE(file->truncate(1));
  EXPECT_EQ(read_file(*fs, at("a")).value(), "a");
}

TEST_F(SystemFsTest, APipeCouldNotBeReadAsAFile) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const std::string text(3000, 'x');
  ASSERT_EQ(write(ends[1], text.data(), text.size()), 3000);
  ASSERT_EQ(close(ends[1]), 0);
  EXPECT_EQ(read_file(*fs, "/dev/fd/" + std::to_string(ends[0])).value(), text);
  ASSERT_EQ(close(ends[0]), 0);
}

// For the thread sanitizer, too.
TEST_F(SystemFsTest, ThreadsReadOneFileAtTheSameTime) {
  const auto file = open("a", OpenMode::read_write);
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
}

TEST_F(SystemFsTest, AppendModeContinuesAtTheEnd) {
  ASSERT_TRUE(open("a", OpenMode::append)->append(as_bytes("one")));
  ASSERT_TRUE(open("a", OpenMode::append)->append(as_bytes("two")));
  EXPECT_EQ(read_file(*fs, at("a")).value(), "onetwo");
}

TEST_F(SystemFsTest, FilesAndFoldersAreTheirOwnersAlone) {
  ASSERT_TRUE(fs->create_folders(at("x/y//z/")));
  open("x/y/z/file", OpenMode::create_new);
  EXPECT_EQ(mode_of("x"), 0700U);
  EXPECT_EQ(mode_of("x/y/z"), 0700U);
  EXPECT_EQ(mode_of("x/y/z/file"), 0600U);
  EXPECT_TRUE(fs->create_folders(at("x/y/z")));
  EXPECT_EQ(fs->create_folders(at("x/y/z/file/below")).error().code, Errc::already_exists);
}

TEST_F(SystemFsTest, ACertificateForEveryoneWasReadableByItsOwnerOnly) {
  const std::string text = "not secret";
  ASSERT_TRUE(write_file_atomically(*fs, at("ca.pem"), as_bytes(text), Readers::everyone));
  EXPECT_EQ(mode_of("ca.pem"), 0644U);
  ASSERT_TRUE(write_file_atomically(*fs, at("ca.pem"), as_bytes(text)));
  EXPECT_EQ(mode_of("ca.pem"), 0600U) << "no mode is inherited";
  EXPECT_EQ(fs->let_everyone_read(at("nothing")).error().code, Errc::not_found);
}

TEST_F(SystemFsTest, OpenErrorsSayWhichFile) {
  const auto missing = fs->open(at("missing"), OpenMode::read);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find(at("missing")), std::string::npos);
  open("a", OpenMode::create_new);
  EXPECT_EQ(fs->open(at("a"), OpenMode::create_new).error().code, Errc::already_exists);
  EXPECT_EQ(fs->open(folder, OpenMode::read).error().code, Errc::io);
  EXPECT_EQ(fs->open(at("no/such/folder"), OpenMode::append).error().code, Errc::not_found);
}

TEST_F(SystemFsTest, ReserveKeepsTheVisibleSize) {
  const auto file = open("a", OpenMode::append);
  const auto reserved = file->reserve(1 << 20);
  if (!reserved) {
    EXPECT_EQ(reserved.error().code, Errc::unsupported);
    return;  // this file system cannot reserve, and says so
  }
  EXPECT_EQ(file->size().value(), 0U);
  struct stat info{};
  ASSERT_EQ(stat(at("a").c_str(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 1 << 20);
}

TEST_F(SystemFsTest, ListIsSortedAndRemoveAllTakesTheTree) {
  ASSERT_TRUE(fs->create_folders(at("tree/b")));
  open("tree/c", OpenMode::append);
  open("tree/a", OpenMode::append);
  EXPECT_EQ(fs->list(at("tree")).value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(fs->list(at("nowhere")).error().code, Errc::not_found);
  EXPECT_EQ(fs->remove(at("tree")).error().code, Errc::io);
  EXPECT_TRUE(fs->is_folder(at("tree/b")));
  EXPECT_FALSE(fs->is_folder(at("tree/a")));
  EXPECT_TRUE(fs->remove(at("tree/b")));
  EXPECT_EQ(fs->remove(at("tree/b")).error().code, Errc::not_found);
  EXPECT_TRUE(fs->remove_all(at("tree")));
  EXPECT_FALSE(fs->exists(at("tree")));
  EXPECT_TRUE(fs->remove_all(at("tree")));
}

TEST_F(SystemFsTest, RenameReplaces) {
  ASSERT_TRUE(open("a", OpenMode::append)->append(as_bytes("new")));
  ASSERT_TRUE(open("b", OpenMode::append)->append(as_bytes("old")));
  ASSERT_TRUE(fs->rename(at("a"), at("b")));
  ASSERT_TRUE(fs->sync_folder(folder));
  EXPECT_FALSE(fs->exists(at("a")));
  EXPECT_EQ(read_file(*fs, at("b")).value(), "new");
  EXPECT_EQ(fs->rename(at("a"), at("c")).error().code, Errc::not_found);
}

TEST_F(SystemFsTest, OneHolderOfALockAtATime) {
  auto held = fs->lock(at("lock"));
  ASSERT_TRUE(held);
  const auto second = fs->lock(at("lock"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  held->reset();
  EXPECT_TRUE(fs->lock(at("lock")));
}

TEST_F(SystemFsTest, AFailedAppendLeavesNoPart) {
  const auto file = open("a", OpenMode::append);
  ASSERT_TRUE(file->append(as_bytes("kept")));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{6, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto appended = file->append(as_bytes("too long"));  // a short write of two bytes, then EFBIG
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Errc::io);
  EXPECT_EQ(read_file(*fs, at("a")).value(), "kept");
}

TEST_F(SystemFsTest, AFullDiskIsNoSpace) {
  ASSERT_TRUE(fs->exists("/dev/full"));
  const auto full = fs->open("/dev/full", OpenMode::read_write);
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->write_at(0, as_bytes("x")).error().code, Errc::no_space);
}

TEST_F(SystemFsTest, OffsetsPastTheRangeAreRefused) {
  const auto file = open("a", OpenMode::read_write);
  std::array<std::uint8_t, 4> out{};
  EXPECT_EQ(file->write_at(UINT64_MAX - 1, as_bytes("abcd")).error().code, Errc::io);
  EXPECT_EQ(file->read_at(UINT64_MAX - 1, out).error().code, Errc::io);
  EXPECT_EQ(file->truncate(UINT64_MAX).error().code, Errc::io);
  EXPECT_EQ(file->reserve(UINT64_MAX).error().code, Errc::io);
}

TEST_F(SystemFsTest, ReadFileKeepsItsLimit) {
  ASSERT_TRUE(open("a", OpenMode::append)->append(as_bytes("12345")));
  EXPECT_EQ(read_file(*fs, at("a"), 5).value(), "12345");
  EXPECT_EQ(read_file(*fs, at("a"), 4).error().code, Errc::limit_exceeded);
  EXPECT_EQ(read_file(*fs, at("b")).error().code, Errc::not_found);
  EXPECT_FALSE(read_file(*fs, "/proc/self/status").value().empty());
  EXPECT_EQ(read_file(*fs, "/proc/self/status", 10).error().code, Errc::limit_exceeded);
}

TEST_F(SystemFsTest, AtomicWriteReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(write_file_atomically(*fs, at("a"), as_bytes("one")));
  ASSERT_TRUE(open("a.new", OpenMode::append)->append(as_bytes("left by a crash")));
  ASSERT_TRUE(write_file_atomically(*fs, at("a"), as_bytes("two")));
  EXPECT_EQ(read_file(*fs, at("a")).value(), "two");
  EXPECT_EQ(fs->list(folder).value(), (std::vector<std::string>{"a"}));
  EXPECT_EQ(mode_of("a"), 0600U);
}

TEST_F(SystemFsTest, FreeSpaceIsKnown) {
  EXPECT_GT(fs->free_space(folder).value(), 0U);
  EXPECT_EQ(fs->free_space(at("nowhere")).error().code, Errc::not_found);
}

TEST(ParentFolderTest, IsThePartBeforeTheLastName) {
  EXPECT_EQ(parent_folder("a"), ".");
  EXPECT_EQ(parent_folder("a/b"), "a");
  EXPECT_EQ(parent_folder("/a"), "/");
  EXPECT_EQ(parent_folder("/a/b/"), "/a");
  EXPECT_EQ(parent_folder("/a//b"), "/a");
  EXPECT_EQ(parent_folder("//a"), "/");
  EXPECT_EQ(parent_folder("/"), "/");
  EXPECT_EQ(parent_folder(""), ".");
}

}  // namespace
}  // namespace dunlin
