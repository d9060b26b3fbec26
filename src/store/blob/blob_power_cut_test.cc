// The blob store against a disk that loses its power, fills up or fails: what was acknowledged is there, byte
// for byte, and no file stays that nobody holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/hex.h"
#include "store/blob/blob_fixture.h"

namespace dunlin::store {
namespace {

enum class End : std::uint8_t { power_cut, kill };

/// One store over several lives of its process, and what must be true of it.
class BlobRun : private BlobMachine {
 public:
  explicit BlobRun(std::uint64_t seed) : rng_(seed) {}

  VirtualFs& fs() { return machine.fs; }
  std::size_t acknowledged() const { return acknowledged_; }

  /// The first broken promise, or nothing.
  std::optional<std::string> run(int lives, End end) {
    for (int life = 0; life < lives; ++life) {
      if (auto broken = open_and_check()) return broken;
      machine.fs.stop_at_call(1 + rng_.below(150));
      work();
      die(end);
    }
    return open_and_check();
  }

  /// One life in which the n-th change of the disk fails with `code`; the process goes on, and ends later.
  std::optional<std::string> run_with_failure(std::uint64_t n, Errc code) {
    if (auto broken = open_and_check()) return broken;
    machine.fs.fail_call(n, code);
    work();
    die(End::power_cut);
    return open_and_check();
  }

 private:
  /// What is known of a holder: it must be there, must not be, or either since an answer is missing.
  enum class Known : std::uint8_t { gone, there, either };

  std::string content(std::uint64_t number) {
    return "blob " + std::to_string(number) + std::string(number * 977 % 5000, '.');
  }

  void work() {
    for (std::uint64_t step = 0, steps = 5 + rng_.below(25); step < steps; ++step) {
      const BlobKey key{1 + static_cast<std::uint32_t>(rng_.below(2)), hash_of(content(rng_.below(8))),
                        "cam-" + std::to_string(rng_.below(2))};
      Known& known = known_[key];
      if (rng_.below(3) != 0) {
        put_one(key, known);
      } else if (known == Known::there || known == Known::either) {
        known = Known::either;
        const auto removed = remove({key});
        if (removed) known = Known::gone;
        if (removed) ++acknowledged_;
      }
    }
  }

  void put_one(const BlobKey& key, Known& known) {
    std::string bytes;
    for (std::uint64_t i = 0; i < 8; ++i)
      if (hash_of(content(i)) == key.hash) bytes = content(i);
    const Known before = known;
    known = before == Known::there ? Known::there : Known::either;
    const auto stored =
        put(bytes, {.device = key.device, .expires = 0, .expected = key.hash}, {.tenant = key.tenant});
    if (!stored) return;
    ++acknowledged_;
    known = Known::there;
  }

  void die(End end) {
    if (end == End::kill) machine.fs.kill_process();
    if (end == End::power_cut) machine.fs.cut_power(rng_);
    drop();
  }

  std::optional<std::string> open_and_check() {
    if (const auto started = start(); !started) return "it does not start: " + started.error().message;
    machine.settle();
    std::set<std::string> wanted;
    std::map<std::uint32_t, BlobUsage> usages;
    for (auto& [key, known] : known_) {
      const auto found = find(key.tenant, key.hash);
      if (!found) return "find: " + found.error().message;
      const bool there = std::ranges::any_of(*found, [&](const BlobRecord& one) { return one.key == key; });
      if (there && known == Known::gone) return "a removed blob is back";
      if (!there && known == Known::there) return "an acknowledged blob is lost";
      known = there ? Known::there : Known::gone;
      if (!there) continue;
      wanted.insert(to_hex(key.hash));
      const auto bytes = bytes_of(key.hash);
      if (!bytes) return "the bytes of a blob are lost: " + bytes.error().message;
      if (hash_of(*bytes) != key.hash) return "the bytes of a blob have changed";
      usages[key.tenant].bytes += bytes->size();
      ++usages[key.tenant].blobs;
    }
    const auto on_disk = files();
    if (std::set<std::string>(on_disk.begin(), on_disk.end()) != wanted)
      return "files that nobody holds stay";
    for (const std::uint32_t tenant : {1U, 2U}) {
      if (store->usage(tenant).bytes != usages[tenant].bytes ||
          store->usage(tenant).blobs != usages[tenant].blobs)
        return "the usage of a tenant is wrong";
    }
    if (store->contents().blobs != wanted.size()) return "the number of contents is wrong";
    return std::nullopt;
  }

  SeededRng rng_;
  std::map<BlobKey, Known> known_;
  std::size_t acknowledged_ = 0;
};

TEST(BlobPowerCutTest, WhatWasAcknowledgedIsThereAndNothingElseStays) {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    BlobRun run(seed);
    const auto broken = run.run(6, seed % 3 == 0 ? End::kill : End::power_cut);
    ASSERT_FALSE(broken) << "seed " << seed << ": " << *broken;
    acknowledged += run.acknowledged();
  }
  EXPECT_GT(acknowledged, 500U) << "the runs must have done something";
}

TEST(BlobPowerCutTest, AnyCallMayFail) {
  for (const Errc code : {Errc::io, Errc::no_space}) {
    for (std::uint64_t n = 1; n <= 90; ++n) {
      BlobRun run(n);
      const auto broken = run.run_with_failure(n, code);
      ASSERT_FALSE(broken) << "call " << n << ": " << *broken;
    }
  }
}

/// The test above must see it when bytes or names are not synced.
TEST(BlobPowerCutTest, WithoutSyncsBlobsAreLost) {
  for (const SyncIgnored which : {SyncIgnored::files, SyncIgnored::folders}) {
    bool lost = false;
    for (std::uint64_t seed = 1; seed <= 60 && !lost; ++seed) {
      BlobRun run(seed);
      run.fs().set_sync_ignored(which);
      lost = run.run(4, End::power_cut).has_value();
    }
    EXPECT_TRUE(lost) << "a sync that does nothing must be noticed";
  }
}

}  // namespace
}  // namespace dunlin::store
