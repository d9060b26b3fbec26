// dunlin analyze: a CSV file through the detector of service/analytics.

#include <cstdio>

#include "apps/commands.h"
#include "apps/configuration.h"
#include "apps/pieces_in.h"
#include "service/analytics/csv_analysis.h"

namespace dunlin::apps {
namespace {

Result<void> print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  return fail(Errc::io, "cannot write to the standard output");
}

/// What was right is printed before an error is told.
Result<void> analyze(analytics::CsvAnalysis& analysis, std::string_view bytes) {
  const auto fed = analysis.feed(bytes);
  DUNLIN_CHECK(print(analysis.take_output()));
  return fed;
}

Result<void> run(const AnalyzeCommand& command) {
  analytics::CsvAnalysis analysis({command.forecast_steps, command.limit});
  DUNLIN_CHECK(
      read_pieces(command.file, [&analysis](std::string_view piece) { return analyze(analysis, piece); }));
  const auto finished = analysis.finish();
  DUNLIN_CHECK(print(analysis.take_output()));
  if (std::fflush(stdout) != 0) return fail(Errc::io, "cannot write to the standard output");
  return finished;
}

}  // namespace

int run_analyze(const AnalyzeCommand& command) {
  auto done = run(command);
  if (done) return 0;
  const std::string name = command.file == "-" ? "standard input" : command.file;
  return report({done.error().code, name + ": " + done.error().message});
}

}  // namespace dunlin::apps
