// Any file, in pieces: reading ends, takes everything, and each sample has a name, a line and a value that
// fits.

#include <cstdlib>

#include "service/series/sample_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::series;
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = 1 + data[1];
  const auto reader = make_reader(static_cast<FileFormat>(data[0] % 3), {from_unix_milliseconds(1), 1});
  std::string rest;
  for (std::size_t at = 0; at <= text.size(); at += piece) {
    rest += text.substr(at, piece);
    const bool is_last = at + piece > text.size();
    const std::size_t taken =
        reader->take(rest, is_last ? SampleReader::Piece::last : SampleReader::Piece::more_follow);
    if (taken > rest.size() || (is_last && taken != rest.size())) std::abort();
    rest.erase(0, taken);
    for (const FileSample& each : reader->take_samples()) {
      if (each.line == 0 || each.sample.device.empty() || each.sample.channel.empty()) std::abort();
    }
    for (const FileProblem& problem : reader->take_problems()) {
      if (problem.line == 0 || problem.why.empty()) std::abort();
    }
  }
  return 0;
}
