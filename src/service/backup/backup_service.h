#pragma once
// Backups of the running server: the operations system.backup and system.backup-status.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "base/snapshot_fs.h"
#include "model/operation.h"

namespace dunlin::backup {

struct ServiceOptions {
  std::string data_folder;
  std::string folder;                    // where backups go; empty: only where the local command line says
  std::size_t keep = 7;                  // there
  std::string program;                   // the version
  std::vector<std::string> leave_out{};  // RunOptions::leave_out
};

struct ServiceParts {
  Executor& executor;
  WorkerPool& workers;
  SnapshotFs& fs;  // that of the data folder and everything in it
  const Clock& clock;
  metrics::Registry& metrics;
  model::CallRecorder record{};  // a backup that fails behind its answer; empty: nobody
};

/// What became of the last backup.
struct LastBackup {
  enum class Outcome : std::uint8_t { done, failed } outcome = Outcome::done;
  std::int64_t instant = 0;  // Unix ms
  std::string folder;
  std::uint64_t bytes = 0;    // of the data folder
  std::uint64_t written = 0;  // of them new
  double seconds = 0;
  double pause_seconds = 0;  // how long changes of files waited at most
  std::string error;         // where it failed
};

/// One backup at a time; each step of it is a task of the worker pool, so that others have their turn. Own
/// thread: the executor's.
class BackupService {
 public:
  /// Reads what is known of the last backup. Blocks.
  BackupService(ServiceParts parts, ServiceOptions options);
  ~BackupService();

  void declare(model::OperationTable& table);
  static std::vector<model::OperationSpec> operations();

  /// Ends the backup that is under way after its step; what it has written goes.
  void stop();

 private:
  struct Job;
  using Begun = std::move_only_function<void(Result<WallTime>)>;
  struct Numbers;

  void begin(const model::Caller& caller, std::string folder, std::size_t keep, Begun begun);
  static void run_step(WorkerPool& workers, const std::shared_ptr<Job>& job);
  void ended(const Result<void>& result);
  void handle_backup(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  Result<std::string> chosen_folder(const model::Caller& caller, const boost::json::object& request) const;
  boost::json::object status() const;

  const ServiceParts parts_;
  const ServiceOptions options_;
  std::shared_ptr<Job> job_;  // shared with its task; null: none is under way
  std::optional<LastBackup> last_;
  std::unique_ptr<Numbers> numbers_;
  // Completions check it before they touch the service.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// The file in the data folder that says when the last backup was.
inline constexpr std::string_view kLastBackupFile = "backup.json";
boost::json::object to_json(const LastBackup& last);
/// nullopt: there was none.
std::optional<LastBackup> read_last_backup(Fs& fs, const std::string& data_folder);
/// For the next start and for `dunlin doctor`. A backup of which this cannot be said is one all the same.
void save_last_backup(Fs& fs, const std::string& data_folder, const LastBackup& last);

}  // namespace dunlin::backup
