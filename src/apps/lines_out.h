#pragma once
// What subcommands write line by line, and how far they have come.

#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace dunlin::apps {

/// Where lines go: a new file, or the standard output.
class Lines {
 public:
  /// Empty: the standard output. Errors: already_exists, io.
  static Result<Lines> open(Fs& fs, const std::string& path);
  Result<void> write(const std::string& text);
  Result<void> end();

 private:
  std::unique_ptr<File> file_;
};

/// One line on standard error that is written over on a terminal, else one a while.
class ProgressLine {
 public:
  void show(std::string_view text);
  void end();

 private:
  static constexpr unsigned kEvery = 10;
  unsigned shown_ = 0;
  bool open_ = false;
};

}  // namespace dunlin::apps
