#pragma once
// `dunlin analyze`: bytes of a CSV file in, rows with score and expected band out.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "service/analytics/csv.h"
#include "service/analytics/detector.h"

namespace dunlin::analytics {

/// One pass over one file, in constant memory. One thread.
class CsvAnalysis {
 public:
  /// The next bytes, cut anywhere. After an error what came before it has been analysed. Errors: as
  /// CsvReader::read().
  Result<void> feed(std::string_view bytes);
  /// The end of the file. Errors: also malformed (no row at all).
  Result<void> finish();
  /// The rows that are ready, with the header in front of the first: timestamp and value as written, score,
  /// low and high end of the band (empty for the first value).
  std::string take_output();

 private:
  Result<void> line(std::string_view line);

  CsvReader reader_;
  Detector detector_;
  std::string begun_;  // of a line: at most kMaxLineBytes + 1 of it
  std::string output_ = "timestamp,value,anomaly_score,expected_low,expected_high\n";
  std::uint64_t rows_ = 0;
};

}  // namespace dunlin::analytics
