#include "store/blob/blob_files.h"

#include "base/hex.h"

namespace dunlin::store {
namespace {

Result<void> check_room(Fs& fs, const std::string& path, std::uint64_t bytes, std::uint64_t keep_free) {
  DUNLIN_TRY(const std::uint64_t free, fs.free_space(parent_folder(path)));
  if (free >= keep_free && free - keep_free >= bytes) return {};
  return fail(Errc::no_space, "the disk has no room for this blob");
}

}  // namespace

Result<std::unique_ptr<IncomingFile>> IncomingFile::make(Fs& fs, std::string path, std::uint64_t reserve,
                                                         std::uint64_t keep_free) {
  DUNLIN_CHECK(check_room(fs, path, reserve, keep_free));
  DUNLIN_TRY(auto file, fs.open(path, OpenMode::create_new));
  std::unique_ptr<IncomingFile> incoming(
      new IncomingFile(fs, std::move(path), std::move(file), keep_free));  // NOLINT: private constructor
  const auto reserved = incoming->file_->reserve(reserve);
  if (reserved) incoming->reserved_ = reserve;
  if (!reserved && reserved.error().code != Errc::unsupported) {
    incoming->discard();
    return std::unexpected(reserved.error());
  }
  return incoming;
}

Result<void> IncomingFile::append(ByteView bytes) {
  if (failed_) return std::unexpected(*failed_);
  if (auto appended = append_now(bytes); !appended) {
    failed_ = appended.error();
    return appended;
  }
  hasher_.update(bytes);
  size_ += bytes.size();
  return {};
}

Result<void> IncomingFile::append_now(ByteView bytes) {
  // What is reserved has been asked for already.
  if (size_ + bytes.size() > reserved_) DUNLIN_CHECK(check_room(fs_, path_, bytes.size(), keep_free_));
  return file_->append(bytes);
}

Result<BlobHash> IncomingFile::finish() {
  if (failed_) return std::unexpected(*failed_);
  DUNLIN_CHECK(file_->sync());
  file_.reset();
  return hasher_.finish();
}

void IncomingFile::discard() {
  file_.reset();
  // What cannot be removed now goes with the next start.
  if (fs_.exists(path_)) static_cast<void>(fs_.remove(path_));
}

std::string BlobFiles::folder_of(std::uint8_t first) const {
  return folder_ + "/" + to_hex({&first, 1});
}

std::string BlobFiles::path_of(const BlobHash& hash) const {
  return folder_of(hash[0]) + "/" + to_hex(hash);
}

Result<void> BlobFiles::open() {
  DUNLIN_CHECK(fs_.create_folders(incoming()));
  DUNLIN_TRY(const auto left, fs_.list(incoming()));
  for (const std::string& name : left) DUNLIN_CHECK(fs_.remove(incoming() + "/" + name));
  return {};
}

Result<std::unique_ptr<IncomingFile>> BlobFiles::receive(std::uint64_t number, std::uint64_t reserve,
                                                         std::uint64_t keep_free) {
  return IncomingFile::make(fs_, incoming() + "/" + std::to_string(number), reserve, keep_free);
}

Result<void> BlobFiles::keep(IncomingFile& file, const BlobHash& hash) {
  const std::string path = path_of(hash);
  if (fs_.exists(path)) {
    DUNLIN_TRY(const auto there, fs_.open(path, OpenMode::read));
    DUNLIN_TRY(const std::uint64_t size, there->size());
    if (size == file.size()) {
      file.discard();
      // Its name may be from a process that ended before it was durable.
      return fs_.sync_folder(folder_of(hash[0]));
    }
  }
  DUNLIN_CHECK(fs_.create_folders(folder_of(hash[0])));
  DUNLIN_CHECK(fs_.rename(file.path(), path));
  return fs_.sync_folder(folder_of(hash[0]));
}

Result<std::unique_ptr<File>> BlobFiles::read(const BlobHash& hash) const {
  return fs_.open(path_of(hash), OpenMode::read);
}

Result<void> BlobFiles::remove(const BlobHash& hash) {
  const std::string path = path_of(hash);
  if (!fs_.exists(path)) return {};
  return fs_.remove(path);
}

Result<std::vector<BlobHash>> BlobFiles::list(std::uint8_t first) const {
  std::vector<BlobHash> hashes;
  if (!fs_.is_folder(folder_of(first))) return hashes;
  DUNLIN_TRY(const auto names, fs_.list(folder_of(first)));
  for (const std::string& name : names) {
    const auto hash = parse_blob_id("sha256-" + name);
    if (hash && (*hash)[0] == first) hashes.push_back(*hash);
  }
  return hashes;
}

}  // namespace dunlin::store
