#include "platform/backups.h"

#include "platform/status.h"
#include "platform/stores.h"

namespace dunlin::platform {

std::unique_ptr<backup::BackupService> make_backups(backup::ServiceParts parts, const ServerConfig& config) {
  backup::ServiceOptions options{config.data_folder, config.backup_folder,
                                 static_cast<std::size_t>(config.backups_kept), std::string(version())};
  // A socket cannot be copied; it is made anew at each start.
  if (config.listen_mqtt_unix.starts_with(config.data_folder + "/"))
    options.leave_out.push_back(config.listen_mqtt_unix.substr(config.data_folder.size() + 1));
  return std::make_unique<backup::BackupService>(parts, std::move(options));
}

Result<backup::LastBackup> back_up_stopped(Fs& fs, const StoppedBackup& options,
                                           const std::function<void(const backup::Progress&)>& tell) {
  if (!fs.exists(options.data_folder + "/records.sqlite"))
    return fail(Errc::not_found, options.data_folder + " is no data folder of a server; name it with --data");
  DUNLIN_TRY(const auto lock, lock_data_folder(fs, options.data_folder));
  const SystemClock clock;
  const Instant began = clock.now();
  SnapshotFs source(fs);
  DUNLIN_TRY(const auto run,
             backup::BackupRun::begin(
                 source, fs, clock, {options.data_folder, options.to, options.keep, std::string(version())}));
  while (true) {
    DUNLIN_TRY(const backup::BackupRun::Next next, run->step());
    tell(*run->progress());
    if (next == backup::BackupRun::Next::done) break;
  }
  backup::LastBackup last;
  last.instant = unix_milliseconds(run->instant());
  last.folder = options.to;
  last.bytes = run->progress()->bytes;
  last.written = run->progress()->bytes_written;
  last.seconds = std::chrono::duration<double>(clock.now() - began).count();
  last.pause_seconds = std::chrono::duration<double>(run->pause()).count();
  backup::save_last_backup(fs, options.data_folder, last);
  return last;
}

}  // namespace dunlin::platform
