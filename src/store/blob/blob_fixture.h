#pragma once
// For the tests of the room: a blob store on a virtual machine, with calls that wait for their answer.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/blob/blob_store.h"
#include "store/reference_keyed.h"
#include "store/test_machine.h"

namespace dunlin::store {

/// The store of one process after the other, on one disk.
class BlobMachine {
 public:
  BlobMachine() {
    options.folder = "blobs";
    options.keep_free_bytes = 0;
  }

  Result<void> start() {
    auto opened = open_reference_keyed(machine.fs, *machine.workers, "keyed");
    if (!opened) return std::unexpected(opened.error());
    keyed = *std::move(opened);
    store = std::make_unique<BlobStore>(
        BlobEnvironment{*machine.executor, *machine.workers, machine.fs, *keyed, machine.metrics}, options);
    return wait<void>([&](auto done) { store->start(std::move(done)); });
  }
  /// What the process had in memory goes; the disk is as it is.
  void drop() {
    store.reset();
    keyed.reset();
    machine.restart_process();
  }

  /// An answer that does not come is an error too.
  template <class T, class Call>
  Result<T> wait(Call call) {
    std::optional<Result<T>> answer;
    call([&answer](Result<T> result) { answer = std::move(result); });
    machine.settle();
    if (!answer) return fail(Errc::timed_out, "no answer");
    return *std::move(answer);
  }

  Result<std::unique_ptr<BlobUpload>> receive(BlobWish wish = {}) {
    return wait<std::unique_ptr<BlobUpload>>([&](auto done) { store->receive(wish, std::move(done)); });
  }
  Result<BlobRecord> put(const std::string& content, BlobFacts facts = {}, BlobWish wish = {}) {
    auto upload = receive(wish);
    if (!upload) return std::unexpected(upload.error());
    const std::size_t half = content.size() / 2;
    for (const std::string& part : {content.substr(0, half), content.substr(half)}) {
      const auto written =
          wait<void>([&](auto done) { (*upload)->write(Slice::copy_of(part), std::move(done)); });
      if (!written) return std::unexpected(written.error());
    }
    return wait<BlobRecord>([&](auto done) { (*upload)->finish(std::move(facts), std::move(done)); });
  }
  Result<std::string> bytes_of(const BlobHash& hash) {
    auto reader = wait<std::shared_ptr<BlobReader>>([&](auto done) { store->open(hash, std::move(done)); });
    if (!reader) return std::unexpected(reader.error());
    const auto bytes = wait<Slice>(
        [&](auto done) { (*reader)->read(0, static_cast<std::size_t>((*reader)->size()), std::move(done)); });
    if (!bytes) return std::unexpected(bytes.error());
    return std::string(bytes->text());
  }
  Result<BlobPage> list(BlobQuery query) {
    return wait<BlobPage>([&](auto done) { store->list(std::move(query), std::move(done)); });
  }
  Result<std::vector<BlobRecord>> find(std::uint32_t tenant, const BlobHash& hash) {
    return wait<std::vector<BlobRecord>>([&](auto done) { store->find(tenant, hash, std::move(done)); });
  }
  Result<std::size_t> remove(std::vector<BlobKey> keys) {
    return wait<std::size_t>([&](auto done) { store->remove(std::move(keys), std::move(done)); });
  }
  Result<std::size_t> remove_expired() {
    return wait<std::size_t>([&](auto done) { store->remove_expired(std::move(done)); });
  }

  /// Names of all files of contents, and of what is coming in.
  std::vector<std::string> files() {
    std::vector<std::string> names;
    const auto folders = machine.fs.list("blobs");
    if (!folders) return names;
    for (const std::string& folder : *folders) {
      const auto inside = machine.fs.list("blobs/" + folder);
      if (inside) names.insert(names.end(), inside->begin(), inside->end());
    }
    return names;
  }

  TestMachine machine;
  BlobOptions options;
  std::unique_ptr<Keyed> keyed;
  std::unique_ptr<BlobStore> store;
};

inline BlobHash hash_of(const std::string& content) {
  BlobHasher hasher;
  hasher.update(as_bytes(content));
  return hasher.finish();
}

}  // namespace dunlin::store
