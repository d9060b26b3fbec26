#pragma once
// `dunlin analyze`: bytes of a CSV file in; rows with score and expected band, or a forecast, out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "service/analytics/csv.h"
#include "service/analytics/detector.h"
#include "service/analytics/forecaster.h"

namespace dunlin::analytics {

struct CsvAnalysisOptions {
  std::size_t forecast_steps = 0;  // 0: each row is judged; else the steps after the last row are foretold
  std::optional<double> limit{};   // with steps: only when the value goes past it
};

/// One pass over one file, in constant memory. One thread.
class CsvAnalysis {
 public:
  explicit CsvAnalysis(CsvAnalysisOptions options = {});

  /// The next bytes, cut anywhere. After an error what came before it has been analysed. Errors: as
  /// CsvReader::read().
  Result<void> feed(std::string_view bytes);
  /// The end of the file. Errors: also malformed (no row at all, too few for a forecast).
  Result<void> finish();
  /// What is ready, with a header in front: of rows, time and value as written, score, low and high end of
  /// the band (empty for the first value); of a forecast, time, value, low and high end of its band; of a
  /// limit, when it is expected to be passed and when at the earliest (empty: not within the steps).
  std::string take_output();

 private:
  Result<void> line(std::string_view line);
  void judge(const CsvRow& row);
  Result<void> foretell();

  CsvAnalysisOptions options_;
  CsvReader reader_;
  Detector detector_;
  Forecaster forecaster_;
  std::string begun_;  // of a line: at most kMaxLineBytes + 1 of it
  std::string output_;
  std::uint64_t rows_ = 0;
};

}  // namespace dunlin::analytics
