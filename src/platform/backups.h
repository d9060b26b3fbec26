#pragma once
// Backups of the server that runs, and of one that does not.

#include <functional>
#include <memory>
#include <string>

#include "platform/config.h"
#include "service/backup/backup_service.h"
#include "service/backup/run.h"

namespace dunlin::platform {

std::unique_ptr<backup::BackupService> make_backups(backup::ServiceParts parts, const ServerConfig& config);

struct StoppedBackup {
  std::string data_folder;
  std::string to;
  std::size_t keep = backup::kDefaultKept;
};
/// Takes a backup of a folder with which no server runs; `tell` is called after each step. Blocks. Errors:
/// conflict (one runs), not_found (no such folder), those of BackupRun.
Result<backup::LastBackup> back_up_stopped(Fs& fs, const StoppedBackup& options,
                                           const std::function<void(const backup::Progress&)>& tell);

}  // namespace dunlin::platform
