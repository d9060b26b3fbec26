#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "apps/bench_load.h"
#include "apps/commands.h"
#include "apps/configuration.h"
#include "base/cpu_time.h"
#include "load/series_cost.h"

namespace dunlin::apps {
namespace {

/// A folder that goes with the run, unless it was named.
class BenchFolder {
 public:
  explicit BenchFolder(const BenchSeriesCommand& command)
      : path_(command.options.folder), keep_(command.options.folder.empty() ? Keep::no : Keep::yes) {
    if (keep_ == Keep::yes) return;
    std::string pattern = (std::filesystem::temp_directory_path() / "dunlin-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) made_ = pattern;
    path_ = made_ + "/series";
  }
  ~BenchFolder() {
    std::error_code ignored;
    if (keep_ == Keep::no && !made_.empty()) std::filesystem::remove_all(made_, ignored);
  }
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  enum class Keep : std::uint8_t { no, yes };
  std::string path_;
  std::string made_;
  Keep keep_;
};

}  // namespace

int run_bench_series(const BenchSeriesCommand& command) {
  const BenchFolder folder(command);
  load::SeriesBenchOptions options = command.options;
  options.folder = folder.path();
  const auto figures = load::run_series_bench(options, show_progress);
  show_progress("");
  if (!figures) return report(figures.error());
  const std::string text = command.output == BenchSeriesCommand::Output::json
                               ? load::series_report_json(*figures) + "\n"
                               : load::series_report_text(*figures);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace dunlin::apps
