#include "apps/pieces_in.h"

#include <array>
#include <cstdio>

#include "base/core/bytes.h"
#include "base/fs.h"

namespace dunlin::apps {
namespace {

using Take = std::function<Result<void>(std::string_view)>;
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

Result<void> read_file(Fs& fs, const std::string& path, const Take& take) {
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::read));
  std::array<char, kPieceBytes> piece;
  std::uint64_t offset = 0;
  while (true) {
    DUNLIN_TRY(const std::size_t size,
               file->read_at(offset, {reinterpret_cast<std::uint8_t*>(piece.data()), piece.size()}));
    if (size == 0) return {};
    DUNLIN_CHECK(take({piece.data(), size}));
    offset += size;
  }
}

}  // namespace

Result<void> read_pieces(const std::string& path, const Take& take) {
  if (path != "-") {
    const auto fs = make_system_fs();
    return read_file(*fs, path, take);
  }
  std::array<char, kPieceBytes> piece;
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), stdin))
    DUNLIN_CHECK(take({piece.data(), size}));
  if (std::ferror(stdin) != 0) return fail(Errc::io, "cannot read the standard input");
  return {};
}

}  // namespace dunlin::apps
