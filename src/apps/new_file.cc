#include "apps/new_file.h"

#include <cstdio>

namespace dunlin::apps {

Result<void> write_new_file(Fs& fs, const std::string& path, std::string_view text) {
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::create_new));
  DUNLIN_CHECK(file->append(as_bytes(text)));
  DUNLIN_CHECK(file->sync());
  DUNLIN_CHECK(fs.sync_folder(parent_folder(path)));
  std::printf("wrote %s\n", path.c_str());
  return {};
}

}  // namespace dunlin::apps
