#pragma once
// Samples in files: CSV, the line protocol and SenML, read and written piece by piece.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace dunlin::series {

/// Bytes of one record of a file.
inline constexpr std::size_t kMaxFileRecordBytes = 1024 * 1024;

enum class FileFormat : std::uint8_t { csv, lines, senml };
/// By its name ("csv", "lines", "senml"), or by how a file's name ends (.csv, .lp, .json, .senml).
std::optional<FileFormat> file_format(std::string_view name);
std::optional<FileFormat> format_of_file(std::string_view path);

/// One thread.
class SampleWriter {
 public:
  virtual ~SampleWriter() = default;
  /// What stands before the first sample, and behind the last one.
  virtual std::string begin() = 0;
  virtual std::string end() = 0;
  /// Errors: unsupported (the format cannot hold it); the sample is then left out.
  virtual Result<std::string> write(const model::Sample& sample) = 0;
};
std::unique_ptr<SampleWriter> make_writer(FileFormat format);

/// Where a file is wrong.
struct FileProblem {
  std::size_t line = 0;  // from 1
  std::string why;
};
struct FileSample {
  std::size_t line = 0;
  model::Sample sample;
};

/// One thread.
class SampleReader {
 public:
  enum class Piece : std::uint8_t { more_follow, last };
  virtual ~SampleReader() = default;
  /// Reads what is whole in `text`; says how much that is. What is left comes again, with what follows it.
  virtual std::size_t take(std::string_view text, Piece piece) = 0;

  /// What was read, and what was refused, since these were last asked for.
  std::vector<FileSample> take_samples() { return std::exchange(samples_, {}); }
  std::vector<FileProblem> take_problems() { return std::exchange(problems_, {}); }

 protected:
  std::vector<FileSample> samples_;
  std::vector<FileProblem> problems_;
};
struct ReadOptions {
  WallTime now{};         // of samples without a time
  std::int64_t tick = 1;  // nanoseconds in the unit of lines' times
};
std::unique_ptr<SampleReader> make_reader(FileFormat format, ReadOptions options);

}  // namespace dunlin::series
