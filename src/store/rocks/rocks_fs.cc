#include "store/rocks/rocks_fs.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/io_status.h>

#include <cstdarg>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "store/rocks/rocks_manifest.h"

namespace dunlin::store {
namespace {

using rocksdb::DirFsyncOptions;
using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using RocksSlice = rocksdb::Slice;

IOStatus status_of(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return IOStatus::PathNotFound(error.message);
    case Errc::no_space:
      return IOStatus::NoSpace(error.message);
    default:
      return IOStatus::IOError(error.message);
  }
}

template <class T>
IOStatus status_of(const Result<T>& result) {
  return result ? IOStatus::OK() : status_of(result.error());
}

ByteView bytes_of(const RocksSlice& slice) {
  return as_bytes({slice.data(), slice.size()});
}

/// Reads into `scratch` and points `result` at it.
IOStatus read_into(const File& file, std::uint64_t offset, std::size_t size, RocksSlice* result,
                   char* scratch) {
  const auto count = file.read_at(offset, {reinterpret_cast<std::uint8_t*>(scratch), size});
  *result = RocksSlice(scratch, count.value_or(0));
  return status_of(count);
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(size_t size, const IOOptions&, RocksSlice* result, char* scratch, IODebugContext*) override {
    const IOStatus status = read_into(*file_, offset_, size, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t size) override {
    offset_ += size;
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  /// Any thread: base::File allows concurrent read_at().
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, RocksSlice* result, char* scratch,
                IODebugContext*) const override {
    return read_into(*file_, offset, size, result, scratch);
  }

 private:
  std::unique_ptr<File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(Fs& fs, std::string path, std::unique_ptr<File> file, std::uint64_t size)
      : fs_(fs), path_(std::move(path)), file_(std::move(file)), size_(size) {}
  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const RocksSlice& data, const IOOptions&, IODebugContext*) override {
    const auto result = file_->append(bytes_of(data));
    if (result) size_ += data.size();
    return status_of(result);
  }
  IOStatus Append(const RocksSlice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    const auto result = file_->truncate(size);
    if (result) size_ = size;
    return status_of(result);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    Result<void> synced = file_->sync();
    if (synced && is_manifest(path_)) synced = save_synced_size(fs_, path_, size_);
    return status_of(synced);
  }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  Fs& fs_;
  std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t size_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(Fs& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return status_of(fs_.sync_folder(path_)); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  Fs& fs_;
  std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::unique_ptr<File> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<File> file_;
};

/// Everything that touches a file is ours; what is left to the default file system is only tuning of options.
class RocksFs final : public rocksdb::FileSystemWrapper {
 public:
  explicit RocksFs(Fs& fs) : FileSystemWrapper(FileSystem::Default()), fs_(fs) {}
  const char* Name() const override { return "dunlin"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::read);
    if (!file) return status_of(file);
    *result = std::make_unique<SequentialFile>(*std::move(file));
    return IOStatus::OK();
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::read);
    if (!file) return status_of(file);
    *result = std::make_unique<RandomAccessFile>(*std::move(file));
    return IOStatus::OK();
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    if (fs_.exists(path)) {
      if (const auto removed = fs_.remove(path); !removed) return status_of(removed);
    }
    auto file = fs_.open(path, OpenMode::append);
    if (!file) return status_of(file);
    *result = std::make_unique<WritableFile>(fs_, path, *std::move(file), 0);
    return IOStatus::OK();
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::append);
    if (!file) return status_of(file);
    const auto size = (*file)->size();
    if (size) *result = std::make_unique<WritableFile>(fs_, path, *std::move(file), *size);
    return status_of(size);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* context) override {
    if (const auto renamed = fs_.rename(old_path, path); !renamed) return status_of(renamed);
    return NewWritableFile(path, options, result, context);
  }
  IOStatus NewRandomRWFile(const std::string&, const FileOptions&, std::unique_ptr<rocksdb::FSRandomRWFile>*,
                           IODebugContext*) override {
    return IOStatus::NotSupported("random writes");
  }
  IOStatus NewMemoryMappedFileBuffer(const std::string&,
                                     std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override {
    return IOStatus::NotSupported("mapped files");
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    *result = std::make_unique<Directory>(fs_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return fs_.exists(path) ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    auto names = fs_.list(path);
    if (names) *result = *names;
    return status_of(names);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (is_manifest(path)) forget_synced_size(fs_, path);
    return status_of(fs_.remove(path));
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&, IODebugContext*) override {
    const auto file = fs_.open(path, OpenMode::read_write);
    return file ? status_of((*file)->truncate(size)) : status_of(file);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.create_folders(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.create_folders(path));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.remove(path));
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, IODebugContext*) override {
    const auto file = fs_.open(path, OpenMode::read);
    if (!file) return status_of(file);
    const auto result = (*file)->size();
    *size = result.value_or(0);
    return status_of(result);
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;  // asked for statistics only
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return status_of(fs_.rename(from, to));
  }
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("links");
  }
  IOStatus NumFileLinks(const std::string&, const IOOptions&, uint64_t*, IODebugContext*) override {
    return IOStatus::NotSupported("links");
  }
  IOStatus AreFilesSame(const std::string& a, const std::string& b, const IOOptions&, bool* same,
                        IODebugContext*) override {
    *same = a == b;
    return IOStatus::OK();
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    *lock = nullptr;
    auto file = fs_.lock(path);
    if (!file) return status_of(file.error());
    // RocksDB owns the lock through a raw pointer and gives it back to UnlockFile().
    *lock = std::make_unique<Lock>(*std::move(file)).release();
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<rocksdb::FileLock> owned(lock);
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                           IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes,
                        IODebugContext*) override {
    const auto result = fs_.free_space(path);
    *bytes = result.value_or(0);
    return status_of(result);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_folder, IODebugContext*) override {
    *is_folder = fs_.is_folder(path);
    return IOStatus::OK();
  }

 private:
  Fs& fs_;
};

class RocksLogger final : public rocksdb::Logger {
 public:
  RocksLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, 512> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    log::warning("store/rocks", "rocksdb", {{"message", line.data()}});
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_rocks_fs(Fs& fs) {
  return std::make_shared<RocksFs>(fs);
}

std::shared_ptr<rocksdb::Logger> make_rocks_logger() {
  return std::make_shared<RocksLogger>();
}

}  // namespace dunlin::store
