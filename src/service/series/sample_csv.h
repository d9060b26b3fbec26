#pragma once
// Samples as CSV (RFC 4180), with a heading that names the columns.

#include <array>
#include <optional>

#include "service/series/sample_file.h"

namespace dunlin::series {

/// Columns: device, channel, time, type, value, unit, quality, flags. Holds every sample exactly.
class CsvWriter final : public SampleWriter {
 public:
  std::string begin() override;
  std::string end() override { return {}; }
  Result<std::string> write(const model::Sample& sample) override;
};

/// Columns in any order: device, channel and value must be there. Without a type (number, integer, boolean,
/// text) a value is a number or truth value where it reads like one.
class CsvReader final : public SampleReader {
 public:
  explicit CsvReader(WallTime now) : now_(now) {}
  std::size_t take(std::string_view text, Piece piece) override;

 private:
  using Row = std::vector<std::string>;
  /// A row, and how many bytes and lines it takes; nothing: its end is not there.
  struct Cut {
    Row row;
    std::size_t bytes = 0;
    std::size_t lines = 0;
    bool is_whole = false;
  };
  static Cut cut(std::string_view text, Piece piece);
  Result<void> read_heading(const Row& row);
  Result<model::Sample> read_row(const Row& row) const;

  WallTime now_;
  std::size_t line_ = 1;
  std::optional<std::array<std::size_t, 8>> columns_;  // where each is; kNoColumn: nowhere
};

}  // namespace dunlin::series
