#include "apps/backup_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "service/backup/limits.h"

namespace dunlin::apps {
namespace {

void add_reader(CLI::App& backup, BackupsCommand::Action action, Command& command) {
  auto reader = std::make_shared<BackupsCommand>();  // shared with the callbacks
  reader->action = action;
  const bool lists = action == BackupsCommand::Action::list;
  CLI::App* app = backup.add_subcommand(lists ? "list" : "verify",
                                        lists ? "say which backups a folder holds"
                                              : "compute all checksums of the backups in a folder and say "
                                                "what is damaged; status 1 if something is");
  app->add_option("folder", reader->folder, "the folder of backups")->required();
  app->add_flag_callback(
      "--json", [reader] { reader->output = CallTarget::Output::json; }, "print it as JSON");
  app->callback([reader, &command] { command = *reader; });
}

void add_restore(CLI::App& app, Command& command) {
  auto restore = std::make_shared<RestoreCommand>();  // shared with the callback
  CLI::App* restore_app = app.add_subcommand("restore", "make a data folder of a backup");
  restore_app->add_option("--from", restore->from, "the folder of backups")->required();
  restore_app->add_option("--at", restore->at,
                          "the newest backup of this time or before, e.g. 2026-11-30T01:00:00Z (the newest)");
  restore_app
      ->add_option("--data", restore->data_folder, "the new data folder, which is empty or does not exist")
      ->required();
  restore_app->callback([restore, &command] { command = *restore; });
}

}  // namespace

void add_backups(CLI::App& app, Command& command) {
  auto take = std::make_shared<BackupCommand>();  // shared with the callbacks
  CLI::App* backup = app.add_subcommand(
      "backup",
      "copy what a server keeps, as it is at one instant, while the server runs or when it does not");
  CLI::Option* to =
      backup->add_option("--to", take->to, "the folder of backups; one that is new or empty at first");
  backup->add_option("--data", take->data_folder, "the data folder of the server")->capture_default_str();
  backup->add_option("--keep", take->keep, "how many backups stay there; older ones go")
      ->check(CLI::Range(std::size_t{1}, backup::kMaxKept))
      ->capture_default_str();
  backup->add_flag_callback(
      "--json", [take] { take->output = CallTarget::Output::json; }, "print what was done as JSON");
  backup->require_subcommand(0, 1);
  add_reader(*backup, BackupsCommand::Action::list, command);
  add_reader(*backup, BackupsCommand::Action::verify, command);
  backup->callback([take, to, backup, &command] {
    if (!backup->get_subcommands().empty()) return;
    if (to->count() == 0) throw CLI::RequiredError("--to");
    command = *take;
  });
  add_restore(app, command);
}

}  // namespace dunlin::apps
