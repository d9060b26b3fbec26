#include "apps/lines_out.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace dunlin::apps {

Result<Lines> Lines::open(Fs& fs, const std::string& path) {
  Lines lines;
  if (!path.empty()) {
    DUNLIN_TRY(lines.file_, fs.open(path, OpenMode::create_new));
  }
  return lines;
}

Result<void> Lines::write(const std::string& text) {
  if (file_) return file_->append(as_bytes(text));
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    return fail(Errc::io, "cannot write to the standard output");
  return {};
}

Result<void> Lines::end() {
  if (file_) return file_->sync();
  if (std::fflush(stdout) != 0) return fail(Errc::io, "cannot write to the standard output");
  return {};
}

void ProgressLine::show(std::string_view text) {
  const bool overwrite = isatty(STDERR_FILENO) == 1;
  if (!overwrite && ++shown_ % kEvery != 1) return;
  std::fprintf(stderr, overwrite ? "\r%.*s " : "%.*s\n", static_cast<int>(text.size()), text.data());
  open_ = overwrite;
}

void ProgressLine::end() {
  if (std::exchange(open_, false)) std::fputc('\n', stderr);
}

}  // namespace dunlin::apps
