#include "base/fs.h"

#include <algorithm>

namespace dunlin {
namespace {

Result<void> write_new_file(Fs& fs, const std::string& path, ByteView bytes) {
  // What an earlier crash left under the temporary name goes first; create_new then follows no link that
  // someone put there.
  if (fs.exists(path)) DUNLIN_CHECK(fs.remove(path));
  DUNLIN_TRY(const std::unique_ptr<File> file, fs.open(path, OpenMode::create_new));
  DUNLIN_CHECK(file->append(bytes));
  return file->sync();
}

}  // namespace

Result<std::string> read_file(Fs& fs, const std::string& path, std::uint64_t limit) {
  DUNLIN_TRY(const std::unique_ptr<File> file, fs.open(path, OpenMode::read));
  DUNLIN_TRY(const std::uint64_t size, file->size());
  const auto too_large = [&] {
    return fail(Errc::limit_exceeded, "read " + path + ": larger than " + std::to_string(limit) + " bytes");
  };
  if (size > limit) return too_large();
  // The size is only a first guess: the file may grow meanwhile, and some files of the kernel claim to be
  // empty.
  constexpr std::size_t kStep = 64 * 1024;
  std::string text;
  while (true) {
    const std::size_t step = text.size() < size ? static_cast<std::size_t>(size) - text.size() : kStep;
    const std::size_t at = text.size();
    text.resize(at + step);
    const MutableByteView out(reinterpret_cast<std::uint8_t*>(text.data()) + at, step);
    DUNLIN_TRY(const std::size_t got, file->read_at(at, out));
    text.resize(at + got);
    if (text.size() > limit) return too_large();
    if (got == 0) return text;
  }
}

Result<void> write_file_atomically(Fs& fs, const std::string& path, ByteView bytes, Readers readers) {
  const std::string temporary = path + ".new";
  Result<void> written = write_new_file(fs, temporary, bytes);
  if (written && readers == Readers::everyone) written = fs.let_everyone_read(temporary);
  if (written) written = fs.rename(temporary, path);
  if (!written) {
    // The first error is the one worth reporting.
    static_cast<void>(fs.remove(temporary));
    return written;
  }
  return fs.sync_folder(parent_folder(path));
}

std::string parent_folder(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  const std::size_t end = path.find_last_not_of('/', slash);
  if (end == std::string_view::npos) return "/";
  return std::string(path.substr(0, end + 1));
}

}  // namespace dunlin
