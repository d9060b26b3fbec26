#include "apps/series_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/key_options.h"
#include "service/series/sample_file.h"

namespace dunlin::apps {
namespace {

CLI::Validator is_format() {
  return CLI::Validator(
      [](const std::string& text) {
        return series::file_format(text) ? std::string() : std::string("write csv, lines or senml");
      },
      "");
}

CLI::Validator is_precision() {
  return CLI::Validator(
      [](const std::string& text) {
        return tick_of(text) != 0 ? std::string() : std::string("write ns, us, ms or s");
      },
      "");
}

}  // namespace

std::int64_t tick_of(std::string_view precision) {
  if (precision == "ns") return 1;
  if (precision == "us") return 1'000;
  if (precision == "ms") return 1'000'000;
  return precision == "s" ? 1'000'000'000 : 0;
}

void add_series_files(CLI::App& noun, Command& command) {
  auto import = std::make_shared<SeriesImportCommand>();  // shared with the callback; so is the other
  CLI::App* import_app = noun.add_subcommand(
      "import", "store the samples of a file; status 1 if some of its lines were refused");
  import_app->add_option("file", import->file, "CSV, line protocol or SenML JSON")->required();
  import_app->add_option("--format", import->format, "csv, lines or senml (as the file's name says)")
      ->check(is_format());
  import_app->add_option("--precision", import->precision, "of lines' times: ns, us, ms or s (ns)")
      ->check(is_precision());
  add_target(*import_app, import->target);
  import_app->callback([import, &command] { command = *import; });

  auto take = std::make_shared<SeriesExportCommand>();
  CLI::App* take_app = noun.add_subcommand(
      "export", "write stored samples as they are; status 1 if the format cannot hold some of them");
  take_app->add_option("--format", take->format, "csv, lines or senml (as the file's name says, or csv)")
      ->check(is_format());
  take_app->add_option("--device", take->device, "only of this device");
  take_app->add_option("--channel", take->channel, "only of this channel");
  take_app->add_option("--from", take->from, "begin: Unix ms or RFC 3339");
  take_app->add_option("--to", take->to, "end, exclusive");
  take_app->add_option("--out", take->out_file, "into this file, which must not exist (standard output)");
  add_target(*take_app, take->target);
  take_app->callback([take, &command] { command = *take; });
}

}  // namespace dunlin::apps
