#include "service/backup/backup_service.h"

#include <boost/json.hpp>

#include "base/log.h"
#include "base/time_text.h"
#include "model/json_fields.h"
#include "service/backup/limits.h"
#include "service/backup/run.h"

namespace dunlin::backup {
namespace {

namespace json = boost::json;
using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kRequest[] = {
    {"to", FieldType::text, Need::optional,
     "a folder of this machine, from the local command line only (backup.folder)"},
    {"keep", FieldType::integer, Need::optional, "with \"to\": how many backups stay there, 1 to 1000 (7)"}};
constexpr Field kBegun[] = {{"instant", FieldType::text, Need::required, "of which the backup is"},
                            {"folder", FieldType::text, Need::required, "where it goes"}};
constexpr Field kStatus[] = {
    {"state", FieldType::text, Need::required, "idle or running"},
    {"running", FieldType::object, Need::optional,
     "instant, folder, files, bytes, bytes_done, bytes_written"},
    {"last", FieldType::object, Need::optional,
     "outcome (done or failed), instant, folder, bytes, bytes_written, seconds, pause_seconds, error"}};
constexpr Errc kErrors[] = {Errc::invalid_argument, Errc::permission_denied, Errc::conflict, Errc::no_space};

constexpr model::OperationSpec kBackup{"system.backup",
                                       model::Method::post,
                                       "/api/system/backup",
                                       "Begin a backup of this server.",
                                       "backup:write",
                                       kRequest,
                                       kBegun,
                                       kErrors,
                                       model::Audited::by_table,
                                       "to"};
constexpr model::OperationSpec kBackupStatus{"system.backup-status",
                                             model::Method::get,
                                             "/api/system/backup",
                                             "The backup that is under way, and the last one.",
                                             "backup:read",
                                             {},
                                             kStatus,
                                             {}};

/// The command line that has read DIR/admin.token: who can do that can read all that a backup holds, and
/// writes wherever this server's user may.
bool is_local_command_line(const model::Caller& caller) {
  return caller.principal->kind == PrincipalKind::service && caller.principal->proof == Proof::token;
}

}  // namespace

json::object to_json(const LastBackup& last) {
  json::object object{{"outcome", last.outcome == LastBackup::Outcome::done ? "done" : "failed"},
                      {"instant", format_rfc3339(from_unix_milliseconds(last.instant))},
                      {"folder", last.folder},
                      {"bytes", last.bytes},
                      {"bytes_written", last.written},
                      {"seconds", last.seconds},
                      {"pause_seconds", last.pause_seconds}};
  if (last.outcome == LastBackup::Outcome::failed) object["error"] = last.error;
  return object;
}

std::optional<LastBackup> read_last_backup(Fs& fs, const std::string& data_folder) {
  const auto text = read_file(fs, data_folder + "/" + std::string(kLastBackupFile), 64 * 1024);
  if (!text) return std::nullopt;
  json::error_code error;
  const json::value value = json::parse(*text, error);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto instant = parse_rfc3339(model::optional_text(object, "instant").value_or(""));
  if (!instant) return std::nullopt;
  LastBackup last;
  last.instant = unix_milliseconds(*instant);
  last.folder = model::optional_text(object, "folder").value_or("");
  last.bytes = static_cast<std::uint64_t>(model::optional_integer(object, "bytes").value_or(0));
  last.written = static_cast<std::uint64_t>(model::optional_integer(object, "bytes_written").value_or(0));
  last.seconds = model::optional_number(object, "seconds").value_or(0);
  last.pause_seconds = model::optional_number(object, "pause_seconds").value_or(0);
  return last;
}

void save_last_backup(Fs& fs, const std::string& data_folder, const LastBackup& last) {
  const std::string text = json::serialize(to_json(last));
  (void)write_file_atomically(fs, data_folder + "/" + std::string(kLastBackupFile), as_bytes(text));
}

/// A backup under way.
struct BackupService::Job {
  Job(model::Caller asked, std::string to, std::string data, Fs& data_fs, const Clock& its_clock)
      : caller(std::move(asked)),
        folder(std::move(to)),
        data_folder(std::move(data)),
        fs(data_fs),
        clock(its_clock),
        began(its_clock.now()),
        instant(its_clock.wall_now()) {}

  const model::Caller caller;
  const std::string folder;
  const std::string data_folder;
  Fs& fs;
  const Clock& clock;
  const Instant began;
  std::unique_ptr<BackupRun> run;                    // of the task alone
  std::move_only_function<void(Result<void>)> told;  // when it has ended; on the worker
  std::atomic<bool> stopped{false};
  std::atomic<bool> is_begun{false};
  // Of the task until `is_begun`, and constant from then on.
  WallTime instant;
  Duration pause{};
  std::shared_ptr<const Progress> progress;  // shared with the run

  void begin(std::unique_ptr<BackupRun> begun) {
    run = std::move(begun);
    instant = run->instant();
    pause = run->pause();
    progress = run->progress();
    is_begun = true;
  }
  /// On the worker: what a run that has failed takes back, it takes back here.
  void end(Result<void> result) {
    run.reset();
    told(std::move(result));
  }
  LastBackup result() const {
    LastBackup last;
    last.folder = folder;
    last.instant = unix_milliseconds(instant);
    last.seconds = std::chrono::duration<double>(clock.now() - began).count();
    if (!is_begun) return last;
    last.bytes = progress->bytes;
    last.written = progress->bytes_written;
    last.pause_seconds = std::chrono::duration<double>(pause).count();
    return last;
  }
};

struct BackupService::Numbers {
  metrics::Cell& taken;
  metrics::Cell& failures;
  metrics::Cell& last_time;
  metrics::Cell& last_bytes;
  metrics::Cell& last_written;
  metrics::Cell& last_milliseconds;
  metrics::Cell& last_pause;

  explicit Numbers(metrics::Registry& registry)
      : taken(registry.counter("dunlin_backup_taken_total", "Backups taken")),
        failures(registry.counter("dunlin_backup_failures_total", "Backups that failed")),
        last_time(registry.gauge("dunlin_backup_last_timestamp_seconds",
                                 "When the last backup was taken, Unix seconds; 0: never")),
        last_bytes(registry.gauge("dunlin_backup_last_bytes", "Bytes of the data folder in the last backup")),
        last_written(registry.gauge("dunlin_backup_last_written_bytes", "Of them new in its folder")),
        last_milliseconds(registry.gauge("dunlin_backup_last_duration_milliseconds", "How long it took")),
        last_pause(registry.gauge("dunlin_backup_last_pause_microseconds",
                                  "How long changes of files waited for it at most")) {}
  void show(const LastBackup& last) {
    last_time.set(last.instant / 1000);
    last_bytes.set(static_cast<std::int64_t>(last.bytes));
    last_written.set(static_cast<std::int64_t>(last.written));
    last_milliseconds.set(static_cast<std::int64_t>(last.seconds * 1e3));
    last_pause.set(static_cast<std::int64_t>(last.pause_seconds * 1e6));
  }
};

BackupService::BackupService(ServiceParts parts, ServiceOptions options)
    : parts_(parts),
      options_(std::move(options)),
      last_(read_last_backup(parts.fs, options_.data_folder)),
      numbers_(std::make_unique<Numbers>(parts.metrics)) {
  if (last_) numbers_->show(*last_);
}

BackupService::~BackupService() {
  stop();
}

void BackupService::stop() {
  if (job_) job_->stopped = true;
}

/// On a worker.
void BackupService::run_step(WorkerPool& workers, const std::shared_ptr<Job>& job) {
  if (job->stopped) return job->end(fail(Errc::cancelled, "the server was stopped"));
  const auto next = job->run->step();
  if (next && *next == BackupRun::Next::more) return workers.run([&workers, job] { run_step(workers, job); });
  if (!next) return job->end(std::unexpected(next.error()));
  save_last_backup(job->fs, job->data_folder, job->result());
  job->end({});
}

void BackupService::begin(const model::Caller& caller, std::string folder, std::size_t keep, Begun begun) {
  job_ = std::make_shared<Job>(caller, folder, options_.data_folder, parts_.fs, parts_.clock);
  job_->told = [this, alive = std::weak_ptr<int>(alive_), &executor = parts_.executor](Result<void> result) {
    executor.post([this, alive, result = std::move(result)] {
      if (!alive.expired()) ended(result);
    });
  };
  RunOptions options{options_.data_folder, std::move(folder), keep, options_.program, options_.leave_out};
  parts_.workers.run(
      [job = job_, parts = parts_, options = std::move(options), begun = std::move(begun)]() mutable {
        auto run = BackupRun::begin(parts.fs, parts.fs, parts.clock, std::move(options));
        Result<WallTime> answer = run ? Result<WallTime>((*run)->instant()) : std::unexpected(run.error());
        parts.executor.post([begun = std::move(begun), answer]() mutable { begun(std::move(answer)); });
        if (!run) return job->end(std::unexpected(run.error()));
        job->begin(*std::move(run));
        run_step(parts.workers, job);
      });
}

void BackupService::ended(const Result<void>& result) {
  LastBackup last = job_->result();
  // Who asked was told that it had begun: what became of it is in the audit log, too.
  if (!result && job_->is_begun && parts_.record) {
    parts_.record(job_->caller,
                  {model::CallRecord::Outcome::failed, kBackup.name, last.folder, result.error().message},
                  [](Result<void>) {});
  }
  job_.reset();
  if (result) {
    numbers_->taken.add();
    numbers_->show(last);
    log::info("backup", "backup taken",
              {{"folder", last.folder}, {"bytes", last.bytes}, {"written", last.written}});
  } else {
    last.outcome = LastBackup::Outcome::failed;
    last.error = result.error().message;
    numbers_->failures.add();
    log::error("backup", "backup failed", {{"folder", last.folder}, {"error", last.error}});
  }
  last_ = std::move(last);
}

Result<std::string> BackupService::chosen_folder(const model::Caller& caller,
                                                 const json::object& request) const {
  const auto to = model::optional_text(request, "to");
  if (!to && options_.folder.empty()) {
    return fail(
        Errc::invalid_argument,
        "backup.folder is not configured; or take a backup on the server's machine: dunlin backup --to "
        "FOLDER");
  }
  if (!to) return options_.folder;
  if (!is_local_command_line(caller)) {
    return fail(Errc::permission_denied,
                "only the command line on the server's machine may name a folder; others get backup.folder");
  }
  if (!to->starts_with('/') || to->size() > kMaxPathBytes || to->contains('\0'))
    return fail(Errc::invalid_argument, "\"to\" must be an absolute path");
  return *to;
}

void BackupService::handle_backup(const model::Caller& caller, const json::object& request,
                                  model::Reply reply) {
  auto folder = chosen_folder(caller, request);
  if (!folder) return reply(std::unexpected(folder.error()));
  const auto keep = model::optional_integer(request, "keep");
  if (keep && !request.contains("to"))
    return reply(fail(Errc::invalid_argument, "\"keep\" goes with \"to\"; else backup.keep counts"));
  if (keep && (*keep < 1 || *keep > static_cast<std::int64_t>(kMaxKept)))
    return reply(fail(Errc::invalid_argument, "\"keep\" must be between 1 and 1000"));
  if (job_) return reply(fail(Errc::conflict, "a backup is under way already"));
  const bool is_own = !request.contains("to");
  const std::size_t most = is_own ? options_.keep : static_cast<std::size_t>(keep.value_or(kDefaultKept));
  begin(caller, *folder, most, [folder = *folder, reply = std::move(reply)](Result<WallTime> begun) mutable {
    if (!begun) return reply(std::unexpected(begun.error()));
    reply(json::value{{"instant", format_rfc3339(*begun)}, {"folder", folder}});
  });
}

json::object BackupService::status() const {
  json::object object{{"state", job_ ? "running" : "idle"}};
  if (job_ && job_->is_begun) {
    const Progress& progress = *job_->progress;
    object["running"] = json::object{
        {"instant", format_rfc3339(job_->instant)}, {"folder", job_->folder},
        {"files", progress.files.load()},           {"bytes", progress.bytes.load()},
        {"bytes_done", progress.bytes_done.load()}, {"bytes_written", progress.bytes_written.load()}};
  }
  if (last_) object["last"] = to_json(*last_);
  return object;
}

void BackupService::declare(model::OperationTable& table) {
  table.add(kBackup, [this](const model::Caller& caller, const json::object& request, model::Reply reply) {
    handle_backup(caller, request, std::move(reply));
  });
  table.add(kBackupStatus, [this](const model::Caller&, const json::object&, model::Reply reply) {
    reply(json::value(status()));
  });
}

std::vector<model::OperationSpec> BackupService::operations() {
  return {kBackup, kBackupStatus};
}

}  // namespace dunlin::backup
