// dunlin backup, backup list, backup verify, restore.

#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/text.h"
#include "platform/backups.h"
#include "service/backup/folder.h"
#include "service/backup/restore.h"

namespace dunlin::apps {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kAskEvery{200};

std::string megabytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

std::uint64_t number_of(const json::object& object, std::string_view name) {
  return static_cast<std::uint64_t>(model::optional_integer(object, name).value_or(0));
}

/// How far a backup is, where a person looks on.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  void show(std::uint64_t done, std::uint64_t bytes) {
    if (!is_person_) return;
    std::fprintf(stderr, "\r\033[Kcopied %s of %s", megabytes(done).c_str(), megabytes(bytes).c_str());
    shown_ = true;
  }

 private:
  const bool is_person_ = ::isatty(2) == 1;
  bool shown_ = false;
};

/// Follows the backup of `instant` in the running server until it has ended.
Result<json::object> follow(ApiClient& client, const std::string& instant) {
  const model::OperationSpec status = backup::BackupService::operations().at(1);
  ProgressLine line;
  while (true) {
    DUNLIN_TRY(const json::value answer, client.call(status, {}));
    if (!answer.is_object()) return fail(Errc::malformed, "the server's answer cannot be read");
    const json::object& object = answer.get_object();
    const json::value* running = object.if_contains("running");
    if (running != nullptr && running->is_object())
      line.show(number_of(running->get_object(), "bytes_done"), number_of(running->get_object(), "bytes"));
    const json::value* last = object.if_contains("last");
    const bool is_ours = last != nullptr && last->is_object() &&
                         model::optional_text(last->get_object(), "instant") == instant;
    if (is_ours && model::optional_text(object, "state") == "idle") return last->get_object();
    if (model::optional_text(object, "state") == "idle")
      return fail(Errc::unavailable, "the server does not know of the backup any more: was it restarted?");
    std::this_thread::sleep_for(kAskEvery);
  }
}

Result<json::object> back_up_running(Fs& fs, const BackupCommand& command) {
  CallTarget target;
  target.data_folder = command.data_folder;
  DUNLIN_TRY(const auto client, ApiClient::open(target, fs));
  // The server has another working folder.
  const std::string to = std::filesystem::absolute(command.to).lexically_normal().string();
  DUNLIN_TRY(const json::value begun,
             client->call(backup::BackupService::operations().front(), {{"to", to}, {"keep", command.keep}}));
  const auto instant = begun.is_object() ? model::optional_text(begun.get_object(), "instant") : std::nullopt;
  if (!instant) return fail(Errc::malformed, "the server's answer cannot be read");
  DUNLIN_TRY(json::object last, follow(*client, *instant));
  if (model::optional_text(last, "outcome") != "done")
    return fail(Errc::io,
                "no backup was taken: " + model::optional_text(last, "error").value_or("no reason given"));
  return last;
}

Result<json::object> back_up(Fs& fs, const BackupCommand& command) {
  ProgressLine line;
  const auto stopped = platform::back_up_stopped(
      fs, {command.data_folder, command.to, command.keep},
      [&line](const backup::Progress& progress) { line.show(progress.bytes_done, progress.bytes); });
  if (stopped) return to_json(*stopped);
  if (stopped.error().code == Errc::conflict && fs.exists(command.data_folder + "/admin.token"))
    return back_up_running(fs, command);
  return std::unexpected(stopped.error());
}

json::object row_of(const backup::StoredBackup& stored) {
  if (!stored.manifest) return {{"name", stored.name}, {"error", stored.manifest.error().message}};
  return {{"name", stored.name},
          {"instant", format_rfc3339(stored.manifest->instant)},
          {"program", stored.manifest->program},
          {"files", stored.manifest->files.size()},
          {"bytes", stored.manifest->bytes()}};
}

int list(Fs& fs, const BackupsCommand& command) {
  const auto folder = backup::BackupFolder::open_for_reading(fs, command.folder);
  if (!folder) return report(folder.error());
  const auto all = folder->backups();
  if (!all) return report(all.error());
  json::array rows;
  for (const backup::StoredBackup& stored : *all) rows.push_back(row_of(stored));
  if (command.output == CallTarget::Output::json) {
    std::printf("%s\n", model::json_text(json::object{{"backups", rows}}).c_str());
    return 0;
  }
  for (const backup::StoredBackup& stored : *all) {
    if (!stored.manifest) {
      std::printf("%s: %s\n", stored.name.c_str(), stored.manifest.error().message.c_str());
      continue;
    }
    std::printf("%s  %s in %zu files, by dunlin %s\n", format_rfc3339(stored.manifest->instant).c_str(),
                megabytes(stored.manifest->bytes()).c_str(), stored.manifest->files.size(),
                stored.manifest->program.c_str());
  }
  return 0;
}

int verify(Fs& fs, const BackupsCommand& command) {
  const auto verified = backup::verify(fs, command.folder);
  if (!verified) return report(verified.error());
  if (command.output == CallTarget::Output::json) {
    const json::object object{{"backups", verified->backups},
                              {"blocks", verified->blocks},
                              {"bytes", verified->bytes},
                              {"damaged", verified->damaged},
                              {"damages", json::array(verified->damages.begin(), verified->damages.end())}};
    std::printf("%s\n", model::json_text(object).c_str());
    return verified->damaged == 0 ? 0 : 1;
  }
  for (const std::string& damage : verified->damages) std::printf("%s\n", damage.c_str());
  if (verified->damaged > verified->damages.size())
    std::printf("and %llu more\n",
                static_cast<unsigned long long>(verified->damaged - verified->damages.size()));
  if (verified->damaged == 0) {
    std::printf("%llu backups: all %llu blocks (%s) are as they were stored\n",
                static_cast<unsigned long long>(verified->backups),
                static_cast<unsigned long long>(verified->blocks), megabytes(verified->bytes).c_str());
  }
  return verified->damaged == 0 ? 0 : 1;
}

Result<backup::Restored> restore(Fs& fs, const RestoreCommand& command) {
  backup::RestoreOptions options{command.from, {}, command.data_folder};
  if (!command.at.empty()) {
    const auto at = parse_rfc3339(command.at);
    if (!at) return fail(Errc::invalid_argument, "--at: write a time such as 2026-11-30T01:00:00Z");
    options.at = *at;
  }
  return backup::restore(fs, options);
}

}  // namespace

int run_backup(const BackupCommand& command) {
  const auto fs = make_system_fs();
  const auto last = back_up(*fs, command);
  if (!last) return report(last.error());
  if (command.output == CallTarget::Output::json) {
    std::printf("%s\n", model::json_text(*last).c_str());
    return 0;
  }
  std::printf("backup of %s: %s, of which %s were new, in %s\n",
              model::optional_text(*last, "instant")->c_str(), megabytes(number_of(*last, "bytes")).c_str(),
              megabytes(number_of(*last, "bytes_written")).c_str(),
              model::optional_text(*last, "folder")->c_str());
  return 0;
}

int run_backups(const BackupsCommand& command) {
  const auto fs = make_system_fs();
  return command.action == BackupsCommand::Action::list ? list(*fs, command) : verify(*fs, command);
}

int run_restore(const RestoreCommand& command) {
  const auto fs = make_system_fs();
  const auto restored = restore(*fs, command);
  if (!restored) return report(restored.error());
  std::printf("restored the backup of %s (%s in %llu files) to %s\nstart it: dunlin serve --data %s\n",
              format_rfc3339(restored->instant).c_str(), megabytes(restored->bytes).c_str(),
              static_cast<unsigned long long>(restored->files), command.data_folder.c_str(),
              command.data_folder.c_str());
  return 0;
}

}  // namespace dunlin::apps
