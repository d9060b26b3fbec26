// dunlin analyze: a CSV file through the detector of service/analytics.

#include <array>
#include <cstdio>

#include "apps/commands.h"
#include "apps/configuration.h"
#include "service/analytics/csv_analysis.h"

namespace dunlin::apps {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

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

Result<void> analyze_file(Fs& fs, const std::string& path, analytics::CsvAnalysis& analysis) {
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::read));
  std::array<char, kPieceBytes> piece;
  std::uint64_t offset = 0;
  while (true) {
    DUNLIN_TRY(const std::size_t size,
               file->read_at(offset, {reinterpret_cast<std::uint8_t*>(piece.data()), piece.size()}));
    if (size == 0) return {};
    DUNLIN_CHECK(analyze(analysis, {piece.data(), size}));
    offset += size;
  }
}

Result<void> analyze_input(analytics::CsvAnalysis& analysis) {
  std::array<char, kPieceBytes> piece;
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), stdin))
    DUNLIN_CHECK(analyze(analysis, {piece.data(), size}));
  if (std::ferror(stdin) != 0) return fail(Errc::io, "cannot read the standard input");
  return {};
}

Result<void> run(const AnalyzeCommand& command) {
  analytics::CsvAnalysis analysis({command.forecast_steps, command.limit});
  if (command.file == "-") {
    DUNLIN_CHECK(analyze_input(analysis));
  } else {
    const auto fs = make_system_fs();
    DUNLIN_CHECK(analyze_file(*fs, command.file, analysis));
  }
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
