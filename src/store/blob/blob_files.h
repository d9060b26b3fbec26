#pragma once
// The bytes of blobs: DIR/ab/abcd.., named by their hash, and DIR/incoming/ for what is coming in. Everything
// here blocks and may be called on any thread, but for one name on one at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "store/blob/blob_hash.h"

namespace dunlin::store {

/// A file that grows until its hash is known. One thread at a time. It stays under incoming/ until somebody
/// keeps or discards it, or the next start removes it.
class IncomingFile {
 public:
  /// `reserve`: bytes that are wanted from the disk at once, so that a full one says so before they come; 0:
  /// not known. Errors: no_space, io.
  /// `keep_free`: bytes of the disk that are left to others.
  static Result<std::unique_ptr<IncomingFile>> make(Fs& fs, std::string path, std::uint64_t reserve,
                                                    std::uint64_t keep_free);

  /// Errors: no_space, io.
  Result<void> append(ByteView bytes);
  /// Everything is on the disk on return, and the file is closed.
  Result<BlobHash> finish();
  void discard();

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }

 private:
  IncomingFile(Fs& fs, std::string path, std::unique_ptr<File> file, std::uint64_t keep_free)
      : fs_(fs), path_(std::move(path)), file_(std::move(file)), keep_free_(keep_free) {}
  Result<void> append_now(ByteView bytes);

  Fs& fs_;
  std::string path_;
  std::unique_ptr<File> file_;
  const std::uint64_t keep_free_;
  std::uint64_t reserved_ = 0;
  BlobHasher hasher_;
  std::uint64_t size_ = 0;
  std::optional<Error> failed_;  // some of its bytes are missing
};

class BlobFiles {
 public:
  BlobFiles(Fs& fs, std::string folder) : fs_(fs), folder_(std::move(folder)) {}

  /// Makes the folders, and removes what was coming in when the last process ended.
  Result<void> open();

  /// `number` must be new in this process.
  Result<std::unique_ptr<IncomingFile>> receive(std::uint64_t number, std::uint64_t reserve,
                                                std::uint64_t keep_free);
  /// Gives what has come its name, durable on return. Where a file of that name and size is there already,
  /// that one stays.
  Result<void> keep(IncomingFile& incoming, const BlobHash& hash);
  /// Errors: not_found, io.
  Result<std::unique_ptr<File>> read(const BlobHash& hash) const;
  /// One that is not there is no error.
  Result<void> remove(const BlobHash& hash);
  /// All whose hash begins with this byte.
  Result<std::vector<BlobHash>> list(std::uint8_t first) const;

 private:
  std::string incoming() const { return folder_ + "/incoming"; }
  std::string folder_of(std::uint8_t first) const;
  std::string path_of(const BlobHash& hash) const;

  Fs& fs_;
  const std::string folder_;
};

}  // namespace dunlin::store
