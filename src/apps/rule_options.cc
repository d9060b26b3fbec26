#include "apps/rule_options.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace dunlin::apps {

void add_rule_eval(CLI::App& noun, Command& command) {
  auto eval = std::make_shared<RuleEvalCommand>();  // shared with the callback
  CLI::App* app = noun.add_subcommand(
      "eval", "run statements on messages without a server: lines of JSON in, a line of JSON out for each");
  app->add_option("file", eval->file,
                  R"(lines of {"id", "sql" or "template", "topic", "payload" or "payload_raw", "client_id", )"
                  R"("rule_name"}; - reads standard input)")
      ->capture_default_str();
  app->callback([eval, &command] { command = *eval; });
}

}  // namespace dunlin::apps
