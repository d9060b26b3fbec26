#include "store/blob/blob_store.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "store/blob/blob_fixture.h"
#include "store/blob/limits.h"

namespace dunlin::store {
namespace {

class BlobStoreTest : public ::testing::Test, protected BlobMachine {
 protected:
  void SetUp() override { ASSERT_TRUE(start()); }
  void restart() {
    drop();
    ASSERT_TRUE(start());
  }
  std::string names(BlobQuery query) {
    std::string all;
    while (true) {
      const auto page = list(query);
      if (!page) return page.error().message;
      for (const BlobRecord& record : page->blobs) all += record.name + " ";
      if (page->next.empty()) return all;
      query.after = page->next;
    }
  }
  Result<BlobRecord> put_named(const std::string& name, const std::string& device,
                               const std::string& type = "image/jpeg") {
    machine.scheduler.run_for(std::chrono::milliseconds{10});
    return put("content of " + name, {.device = device, .media_type = type, .name = name, .put_by = "ann"});
  }
};

TEST_F(BlobStoreTest, WhatIsPutComesBackWithItsFacts) {
  const auto stored =
      put("hello", {.device = "cam-1", .media_type = "text/plain", .name = "hello.txt", .put_by = "ann"});
  ASSERT_TRUE(stored) << stored.error().message;
  // The hash is that of sha256sum.
  EXPECT_EQ(blob_id(stored->key.hash),
            "sha256-2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  restart();
  EXPECT_EQ(bytes_of(stored->key.hash).value_or("?"), "hello");
  const auto found = find(1, stored->key.hash);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().name, "hello.txt");
  EXPECT_EQ(found->front().media_type, "text/plain");
  EXPECT_EQ(found->front().key.device, "cam-1");
  EXPECT_EQ(found->front().put_by, "ann");
  EXPECT_EQ(found->front().size, 5U);
  EXPECT_EQ(store->usage(1).bytes, 5U);
  EXPECT_EQ(store->contents().blobs, 1U);
}

TEST_F(BlobStoreTest, EqualBytesAreThereOnceUntilNobodyHoldsThem) {
  const auto first = put("frame", {.device = "cam-1"});
  const auto second = put("frame", {.device = "cam-2"});
  const auto other = put("frame", {.device = "cam-1"}, {.tenant = 2});
  ASSERT_TRUE(first && second && other);
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(store->contents().blobs, 1U);
  EXPECT_EQ(store->usage(1).blobs, 2U);
  EXPECT_EQ(find(1, first->key.hash)->size(), 2U);
  EXPECT_EQ(find(2, first->key.hash)->size(), 1U);
  EXPECT_EQ(remove({first->key, first->key}).value_or(9), 1U);
  EXPECT_EQ(remove({first->key}).value_or(9), 0U);
  EXPECT_EQ(remove({second->key}).value_or(9), 1U);
  EXPECT_EQ(bytes_of(first->key.hash).value_or("?"), "frame") << "the other tenant holds it";
  EXPECT_EQ(remove({other->key}).value_or(9), 1U);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(store->contents().bytes, 0U);
  EXPECT_EQ(store->usage(1).bytes, 0U);
}

TEST_F(BlobStoreTest, TheSameHolderHasItOnceAndTheNewestFactsCount) {
  const auto first = put_named("a", "cam-1");
  machine.scheduler.run_for(std::chrono::seconds{1});
  const auto again =
      put("content of a", {.device = "cam-1", .media_type = "text/plain", .name = "b", .expires = 9});
  ASSERT_TRUE(first && again);
  EXPECT_EQ(again->created, first->created);
  EXPECT_EQ(names({}), "b ");
  EXPECT_EQ(store->usage(1).blobs, 1U);
  EXPECT_EQ(remove_expired().value_or(9), 1U);
  EXPECT_EQ(names({}), "");
  EXPECT_TRUE(files().empty());
}

TEST_F(BlobStoreTest, ListsTheNewestFirstInPagesByDeviceTypeAndTime) {
  std::vector<BlobRecord> all;
  for (int i = 0; i < 60; ++i) {
    const auto stored = put_named(std::to_string(i), "cam-" + std::to_string(i % 2),
                                  i % 3 == 0 ? "application/zip" : "image/jpeg");
    ASSERT_TRUE(stored);
    all.push_back(*stored);
  }
  EXPECT_EQ(names({.from = all[57].created}), "59 58 57 ");
  EXPECT_EQ(names({.device = "cam-1", .from = all[50].created, .to = all[57].created, .limit = 2}),
            "55 53 51 ");
  EXPECT_EQ(names({.media_type = "application/zip", .from = all[50].created}), "57 54 51 ");
  EXPECT_EQ(names({.media_type = "image/*", .from = all[56].created, .limit = 1}), "59 58 56 ");
  EXPECT_EQ(names({.device = "cam"}), "") << "no device of that name";
  EXPECT_EQ(names({.tenant = 2}), "");
  const auto page = list({.limit = 7});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->blobs.size(), 7U);
  EXPECT_EQ(list({.tenant = 2, .after = page->next}).error().code, Errc::invalid_argument)
      << "a place of another tenant is none";
  EXPECT_EQ(list({.after = "?"}).error().code, Errc::invalid_argument);
}

TEST_F(BlobStoreTest, WhatIsNotFinishedLeavesNothing) {
  {
    auto upload = receive();
    ASSERT_TRUE(upload);
    ASSERT_TRUE(wait<void>([&](auto done) { (*upload)->write(Slice::copy_of("half"), std::move(done)); }));
    EXPECT_EQ(files().size(), 1U);
  }
  machine.settle();
  EXPECT_TRUE(files().empty());
  // A process that ends meanwhile.
  auto upload = receive();
  ASSERT_TRUE(upload);
  ASSERT_TRUE(wait<void>([&](auto done) { (*upload)->write(Slice::copy_of("half"), std::move(done)); }));
  machine.fs.kill_process();
  store.reset();
  upload->reset();
  drop();
  EXPECT_EQ(files().size(), 1U);
  ASSERT_TRUE(start());
  EXPECT_TRUE(files().empty());
}

TEST_F(BlobStoreTest, AFileThatNoRowKnowsIsRemovedAtStart) {
  const auto kept = put("kept");
  ASSERT_TRUE(kept);
  const std::string stray = to_hex(hash_of("stray"));
  ASSERT_TRUE(machine.fs.create_folders("blobs/" + stray.substr(0, 2)));
  ASSERT_TRUE(
      write_file_atomically(machine.fs, "blobs/" + stray.substr(0, 2) + "/" + stray, as_bytes("stray")));
  restart();
  EXPECT_EQ(files(), std::vector<std::string>{to_hex(kept->key.hash)});
}

TEST_F(BlobStoreTest, AnotherHashOrSizeThanWasSaidIsRefused) {
  const auto other = put("hello", {.expected = hash_of("other")});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::malformed);
  EXPECT_TRUE(put("hello", {.expected = hash_of("hello")}));
  EXPECT_EQ(put("hello2", {}, {.size = 7}).error().code, Errc::malformed);
  machine.settle();
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(BlobStoreTest, LimitsAreKeptWhetherTheSizeIsSaidOrNot) {
  options.max_blob_bytes = 10;
  options.max_tenant_bytes = 25;
  options.max_tenant_blobs = 4;
  restart();
  EXPECT_EQ(receive({.size = 11}).error().code, Errc::limit_exceeded);
  EXPECT_EQ(put("12345678901").error().code, Errc::limit_exceeded);
  ASSERT_TRUE(put("1234567890") && put("abcdefghij"));
  EXPECT_EQ(put("ABCDEF").error().code, Errc::quota_exceeded);
  EXPECT_EQ(receive({.size = 6}).error().code, Errc::quota_exceeded);
  {
    const auto coming = receive({.size = 5});
    ASSERT_TRUE(coming);
    EXPECT_EQ(receive({.size = 1}).error().code, Errc::quota_exceeded) << "what is coming in counts";
  }
  EXPECT_TRUE(receive({.tenant = 2, .size = 10})) << "another tenant has a quota of its own";
  ASSERT_TRUE(put("x") && put("y"));
  EXPECT_EQ(put("z").error().code, Errc::quota_exceeded);
  ASSERT_EQ(remove({{1, hash_of("x"), ""}}).value_or(9), 1U);
  EXPECT_TRUE(put("z"));
}

TEST_F(BlobStoreTest, SoManyComeInAtOnceAndNoMore) {
  std::vector<std::unique_ptr<BlobUpload>> coming;
  for (std::size_t i = 0; i < kMaxUploads; ++i) {
    auto upload = receive();
    ASSERT_TRUE(upload);
    coming.push_back(*std::move(upload));
  }
  EXPECT_EQ(receive().error().code, Errc::unavailable);
  coming.pop_back();
  EXPECT_TRUE(receive());
}

TEST_F(BlobStoreTest, AFullDiskIsSaidAndLeavesNothing) {
  ASSERT_TRUE(put("before"));
  const std::string large(100'000, 'x');
  machine.fs.set_capacity(50'000);
  EXPECT_EQ(receive({.size = large.size()}).error().code, Errc::no_space) << "before a byte has come";
  EXPECT_EQ(put(large).error().code, Errc::no_space);
  machine.settle();
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(bytes_of(hash_of("before")).value_or("?"), "before");
  machine.fs.set_capacity(10'000'000);
  EXPECT_TRUE(put(large));
  options.keep_free_bytes = 9'950'000;
  restart();
  EXPECT_EQ(put(large + "x").error().code, Errc::no_space) << "what is left to others";
  EXPECT_EQ(receive({.size = large.size()}).error().code, Errc::no_space);
}

TEST_F(BlobStoreTest, AnUploadMayBeLetGoWhileItsWritesWait) {
  auto upload = receive();
  ASSERT_TRUE(upload);
  machine.fs.set_capacity(20'000);
  int failed = 0;
  for (int i = 0; i < 5; ++i) {
    (*upload)->write(Slice::copy_of(std::string(9'000, 'x')), [&](const Result<void>& written) {
      if (written) return;
      ++failed;
      upload->reset();
    });
  }
  machine.settle();
  EXPECT_EQ(failed, 3) << "each is answered, whoever is gone";
  EXPECT_EQ(machine.metrics.value("dunlin_blob_failures_total"), 3);
  EXPECT_EQ(machine.metrics.value("dunlin_blob_uploads"), 0);
  EXPECT_TRUE(files().empty());
}

TEST_F(BlobStoreTest, ABlobThatIsRemovedCanStillBeReadByWhoReadsIt) {
  ASSERT_TRUE(put("frame"));
  auto reader =
      wait<std::shared_ptr<BlobReader>>([&](auto done) { store->open(hash_of("frame"), std::move(done)); });
  ASSERT_TRUE(reader);
  ASSERT_EQ(remove({{1, hash_of("frame"), ""}}).value_or(9), 1U);
  const auto part = wait<Slice>([&](auto done) { (*reader)->read(1, 3, std::move(done)); });
  ASSERT_TRUE(part);
  EXPECT_EQ(part->text(), "ram");
  EXPECT_EQ(bytes_of(hash_of("frame")).error().code, Errc::corrupt);
}

TEST_F(BlobStoreTest, WhatExpiresGoesInOrderOfItsTime) {
  const std::int64_t now = unix_milliseconds(machine.clock.wall_now());
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(
        put("number " + std::to_string(i), {.name = std::to_string(i), .expires = now + 1000 * i + 1000}));
  ASSERT_TRUE(put("for ever", {.name = "ever"}));
  machine.scheduler.run_for(std::chrono::milliseconds{2500});
  EXPECT_EQ(remove_expired().value_or(9), 2U);
  EXPECT_EQ(remove_expired().value_or(9), 0U);
  machine.scheduler.run_for(std::chrono::hours{1});
  EXPECT_EQ(remove_expired().value_or(9), 3U);
  EXPECT_EQ(names({}), "ever ");
}

TEST_F(BlobStoreTest, WhatWasStoredAgainExpiredAtItsFormerTime) {
  const std::int64_t now = unix_milliseconds(machine.clock.wall_now());
  ASSERT_TRUE(put("frame", {.name = "a", .expires = now + 1000}));
  machine.scheduler.run_for(std::chrono::seconds{2});
  auto upload = receive();
  ASSERT_TRUE(upload);
  ASSERT_TRUE(wait<void>([&](auto done) { (*upload)->write(Slice::copy_of("frame"), std::move(done)); }));
  // The expiry is read before the rows of the new one are there.
  std::optional<bool> stored;
  std::optional<Result<std::size_t>> removed;
  (*upload)->finish({.name = "a"}, [&](Result<BlobRecord> record) { stored = record.has_value(); });
  store->remove_expired([&](Result<std::size_t> count) { removed = std::move(count); });
  machine.settle();
  ASSERT_TRUE(stored.value_or(false) && removed && *removed);
  EXPECT_EQ(**removed, 0U);
  EXPECT_EQ(names({}), "a ");
  EXPECT_EQ(bytes_of(hash_of("frame")).value_or("?"), "frame");
}

TEST(BlobIdTest, HasOneForm) {
  const std::string id = blob_id(hash_of("x"));
  EXPECT_EQ(blob_id(*parse_blob_id(id)), id);
  for (const std::string& wrong :
       {std::string(), std::string("sha256-"), id.substr(1), id + "0", id.substr(0, id.size() - 1) + "G",
        "sha256-" + std::string(64, 'A'), "SHA256-" + id.substr(7)}) {
    EXPECT_FALSE(parse_blob_id(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace dunlin::store
