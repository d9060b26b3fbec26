#pragma once
// The journal: the one durable path. Records are appended once; consumers are cursors over them.
// Format: docs/formats/journal.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/slice.h"
#include "store/broken_disk.h"

namespace dunlin::store {

/// The place of a record: rises by at least 1 per record and is never used again. 0 is before the first
/// record.
using Position = std::uint64_t;

struct Record {
  Position position = 0;
  std::uint8_t kind = 0;  // the caller's own
  Slice bytes;
};

struct LogOptions {
  std::string folder;
  std::uint64_t segment_bytes = 16 * 1024 * 1024;
  std::size_t group_bytes =
      64 * 1024;  // a group that holds this much is written even while the loop turn goes on
  std::uint64_t max_bytes = 4ULL * 1024 * 1024 * 1024;  // past it append() answers no_space
  std::size_t max_record_bytes = 256 * 1024 * 1024 + 64 * 1024;
  std::size_t max_uncommitted_bytes = 64 * 1024 * 1024;  // past it append() answers unavailable
};

using AppendDone = std::move_only_function<void(Result<Position>)>;
/// What became of the records that were appended up to and including `last` and not told of before.
using Answered = std::move_only_function<void(Position last, const Result<void>& result)>;

/// Append-only segments with a CRC per record and group commit. Own thread only (that of the executor it was
/// opened with); writes and syncs run on the worker pool.
class Log {
 public:
  virtual ~Log() = default;

  /// `done` runs on the executor after the record, and every one before it, is on the disk. A full disk
  /// refuses the records that waited, and later ones try again; after any other error of the disk every later
  /// append fails until reopened. What was acknowledged stays true. Errors: no_space, io, limit_exceeded,
  /// unavailable.
  virtual void append(std::uint8_t kind, ByteView bytes, AppendDone done) = 0;

  /// The last position that is on the disk.
  virtual Position committed() const = 0;

  /// The position of the oldest record that is still kept (committed()+1 when none is).
  virtual Position first() const = 0;

  /// Bytes of all segments that are kept: what LogOptions::max_bytes bounds.
  virtual std::uint64_t size_bytes() const = 0;

  /// Up to `max_records` / `max_bytes` committed records after `after`, in order (at least one if there is
  /// one). Reads of recent records do not touch the disk. Errors: corrupt, io.
  virtual Result<std::vector<Record>> read(Position after, std::size_t max_records,
                                           std::size_t max_bytes) = 0;

  /// A named consumer's position. Segments that every cursor has passed are removed; without any cursor all
  /// are kept. The positions themselves are saved lazily (checkpoint): a consumer that needs an exact one
  /// stores it with its own result.
  virtual void set_cursor(std::string_view name, Position position) = 0;
  /// Errors: not_found.
  virtual Result<Position> cursor(std::string_view name) const = 0;
  virtual void remove_cursor(std::string_view name) = 0;

  /// Runs `answered` (later, on the executor) for each group of records that is on the disk or refused, in
  /// the order of their positions. One at a time: a later one takes the place of the former.
  virtual void on_answered(Answered answered) = 0;

  /// Commits what is open and calls `done`; for an orderly shutdown.
  virtual void flush(std::move_only_function<void(Result<void>)> done) = 0;

  /// For many records: the position that this one will have; on_answered() tells what became of it. Errors:
  /// as above, at once; then nothing was appended, and no answer comes.
  virtual Result<Position> append(std::uint8_t kind, ByteView bytes) = 0;
};

struct LogEnvironment {
  Fs& fs;
  Executor& executor;
  WorkerPool& workers;
  metrics::Registry& metrics;
  BrokenDisk broken = {};  // may be empty
};

/// Opens or makes the log, cutting off a torn last record. Blocks; start-up only. Errors: corrupt (with file
/// and offset), io, conflict (another process holds it).
Result<std::unique_ptr<Log>> open_log(LogEnvironment environment, LogOptions options);

}  // namespace dunlin::store
