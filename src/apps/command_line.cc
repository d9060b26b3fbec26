#include "apps/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <sstream>

#include "apps/backup_options.h"
#include "apps/bench_options.h"
#include "apps/blob_options.h"
#include "apps/key_options.h"
#include "apps/rule_options.h"
#include "apps/series_options.h"
#include "platform/status.h"
#include "service/analytics/limits.h"
#include "transport/http/openapi.h"

namespace dunlin::apps {
namespace {

void add_source(CLI::App& app, ConfigSource& source) {
  app.add_option("--config", source.file, "TOML file; see `dunlin check-config --reference` for every key");
  app.add_option("--data", source.data_folder, "the data folder");
  app.add_option("--set", source.settings, "a key and its value, e.g. --set listen.https=0.0.0.0:9443")
      ->allow_extra_args(false);
}

/// Subcommands that run something on this machine.
void add_programs(CLI::App& app, Command& command) {
  auto up =
      std::make_shared<UpCommand>();  // shared with the callback that runs after parsing; so are the others
  CLI::App* up_app = app.add_subcommand(
      "up", "run a server with a gateway and a simulated factory: the quickest way to see Dunlin");
  add_source(*up_app, up->source);
  up_app->add_option("--speed", up->speed, "how much faster than real time the series are replayed")
      ->check(CLI::Range(1.0, 100000.0));
  up_app->add_flag_callback(
      "--no-site", [up] { up->site = UpCommand::Site::none; }, "without the simulated factory");
  up_app->callback([up, &command] { command = *up; });

  auto serve = std::make_shared<ServeCommand>();
  CLI::App* serve_app =
      app.add_subcommand("serve", "run a server in the foreground; prints `ready` when it accepts traffic");
  add_source(*serve_app, serve->source);
  serve_app->callback([serve, &command] { command = *serve; });

  auto gateway = std::make_shared<GatewayCommand>();
  CLI::App* gateway_app = app.add_subcommand("gateway", "run a gateway in the foreground");
  add_source(*gateway_app, gateway->source);
  gateway_app->callback([gateway, &command] { command = *gateway; });

  auto sim = std::make_shared<SimCommand>();
  CLI::App* sim_app = app.add_subcommand("sim", "run simulated devices");
  sim_app->add_option("site", sim->site_file, "site.toml; without it the built-in factory");
  sim_app->add_option("--set", sim->settings, "a key and its value")->allow_extra_args(false);
  sim_app->callback([sim, &command] { command = *sim; });
}

void add_helpers(CLI::App& app, Command& command) {
  auto check = std::make_shared<CheckConfigCommand>();  // shared with the callbacks
  CLI::App* check_app =
      app.add_subcommand("check-config", "say whether a configuration is right, without running anything");
  add_source(*check_app, check->source);
  check_app->add_flag_callback(
      "--reference", [check] { check->print = CheckConfigCommand::Print::reference; },
      "print every key with its meaning and default");
  check_app->add_flag_callback(
      "--gateway", [check] { check->role = CheckConfigCommand::Role::gateway; },
      "of a gateway, not of a server");
  check_app->add_flag_callback(
      "--site", [check] { check->role = CheckConfigCommand::Role::site; }, "of a simulated site");
  check_app->callback([check, &command] { command = *check; });

  auto doctor = std::make_shared<DoctorCommand>();
  CLI::App* doctor_app = app.add_subcommand(
      "doctor", "say what is weak in how a server is set up, and how to mend it; status 1 if something is");
  add_source(*doctor_app, doctor->source);
  doctor_app->add_flag_callback(
      "--all", [doctor] { doctor->show = DoctorCommand::Show::all; }, "notes too, not only what is wrong");
  doctor_app->add_flag_callback(
      "--json", [doctor] { doctor->output = CallTarget::Output::json; }, "print all findings as JSON");
  doctor_app->callback([doctor, &command] { command = *doctor; });

  CLI::App* version_app = app.add_subcommand("version", "print the version");
  version_app->callback([&command] { command = VersionCommand{}; });
}

void add_analyze(CLI::App& app, Command& command) {
  auto analyze = std::make_shared<AnalyzeCommand>();  // shared with the callback
  CLI::App* analyze_app = app.add_subcommand(
      "analyze",
      "say of each row of a CSV file of times and values how unusual it is: 0 to 1, 0.5 is an alarm");
  analyze_app->add_option("file", analyze->file, "rows of timestamp,value; - reads standard input")
      ->required();
  CLI::Option* forecast =
      analyze_app
          ->add_option(
              "--forecast", analyze->forecast_steps,
              "foretell so many steps after the last row instead, each with a band for nine of ten values")
          ->check(CLI::Range(std::size_t{1}, analytics::kMaxForecastSteps));
  analyze_app
      ->add_option(
          "--limit", analyze->limit,
          "only say when, within the forecast, the value is expected to go past this limit, and when at "
          "the earliest")
      ->needs(forecast);
  analyze_app->callback([analyze, &command] { command = *analyze; });
}

struct Words {
  std::string noun;
  std::string verb;
};

Words words_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  return {std::string(name.substr(0, dot)), std::string(name.substr(dot + 1))};
}

/// Fields that a command line does not take themselves, since it stays in the shell's history and shows to
/// others, or since they have many lines: `--passphrase-file FILE` stands for them.
bool is_from_file(const model::OperationSpec& spec, std::string_view field) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kFields = {
      {{"ca.import", "certificate"},
       {"ca.import-list", "list"},
       {"ca.export-root", "passphrase"},
       {"ca.remove-root", "key"},
       {"ca.remove-root", "passphrase"}}};
  return std::ranges::find(kFields, std::pair(spec.name, field)) != kFields.end();
}

/// All rows of a query, however many there are.
void add_rows(CLI::App& app, CallCommand& call) {
  const auto add = [&](const std::string& flag, CallCommand::Rows rows, const std::string& help) {
    return app.add_flag_callback(flag, [&call, rows] { call.rows = rows; }, help);
  };
  CLI::Option* csv = add("--csv", CallCommand::Rows::csv, "print all rows as they come, as CSV");
  add("--ndjson", CallCommand::Rows::ndjson, "print all rows as they come, a line of JSON each")
      ->excludes(csv);
}

/// "thing.create" as `dunlin thing create`: fields of the path by position, and a query; the others as
/// options.
void add_operation(CLI::App& noun, const model::OperationSpec& spec, Command& command) {
  auto call = std::make_shared<CallCommand>();  // shared with the callbacks
  auto given = std::make_shared<std::map<std::string, std::string>>();
  call->operation = spec;
  CLI::App* app = noun.add_subcommand(words_of(spec.name).verb, std::string(spec.summary));
  const auto in_path = transport::path_fields(spec.path);
  for (const model::Field& field : spec.request) {
    const std::string name(field.name);
    if (is_from_file(spec, name)) {
      app->add_option_function<std::string>(
             "--" + name + "-file",
             [call, name](const std::string& file) { call->field_files.emplace_back(name, file); },
             "a file with the " + name + ": " + std::string(field.help))
          ->required();
      continue;
    }
    const bool positional =
        std::ranges::find(in_path, name) != in_path.end() || (spec.name == "series.query" && name == "sql");
    CLI::Option* option = app->add_option_function<std::string>(
        positional ? name : "--" + name, [given, name](const std::string& text) { (*given)[name] = text; },
        std::string(field.help));
    option->type_name(std::string(model::field_type_name(field.type)));
    if (positional || field.need == model::Need::required) option->required();
    // An empty part of a path names another operation, or none.
    if (positional)
      option->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  }
  if (spec.name == "cert.issue" || spec.name == "claim.create")
    app->add_option("--out", call->out_folder, "write certificate.pem, key.pem and ca.pem into this folder");
  if (spec.name == "ca.get") app->add_option("--out", call->out_file, "write it into this file");
  if (spec.name == "ca.request" || spec.name == "ca.export-root")
    app->add_option("--out", call->out_file, "write it into this file, which must not exist");
  if (spec.name == "series.query") add_rows(*app, *call);
  add_target(*app, call->target);
  app->callback([call, given, &command] {
    call->fields.assign(given->begin(), given->end());
    command = *call;
  });
}

/// `dunlin explain --client C --topic T`: session.explain in the words of the question.
void add_explain(CLI::App& app, const std::vector<model::OperationSpec>& operations, Command& command) {
  auto call = std::make_shared<CallCommand>();  // shared with the callbacks
  auto given = std::make_shared<std::map<std::string, std::string>>();
  for (const model::OperationSpec& spec : operations) {
    if (spec.name == "session.explain") call->operation = spec;
  }
  CLI::App* explain =
      app.add_subcommand("explain", "say whether a client gets a message, and why or why not");
  const auto add = [&](const std::string& option, const std::string& field) {
    const auto found =
        std::ranges::find(call->operation.request, std::string_view(field), &model::Field::name);
    return explain
        ->add_option_function<std::string>(
            option, [given, field](const std::string& text) { (*given)[field] = text; },
            std::string(found->help))
        ->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  };
  add("--client", "client_id")->required();
  add("--topic", "topic")->required();
  add("--qos", "qos");
  add("--publisher", "publisher");
  add("--bytes", "bytes");
  add_target(*explain, call->target);
  explain->callback([call, given, &command] {
    call->fields.assign(given->begin(), given->end());
    command = *call;
  });
}

/// Seconds of "90", "30s" or "5m"; 0: not such a text.
std::int64_t seconds_of(std::string text) {
  std::int64_t unit = 1;
  if (text.ends_with('m')) unit = 60;
  if (text.ends_with('m') || text.ends_with('s')) text.pop_back();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > 600) return 0;
  return number * unit;
}

void add_trace(CLI::App& app, Command& command) {
  auto trace = std::make_shared<TraceCommand>();  // shared with the callbacks
  CLI::App* trace_app =
      app.add_subcommand("trace", "show what happens to messages and clients, as it happens");
  trace_app->add_option("--topic", trace->topic, "a topic filter, e.g. plant/+/temperature");
  trace_app->add_option("--client", trace->client, "a client id: what it does, and its messages elsewhere");
  trace_app
      ->add_option_function<std::string>(
          "--for", [trace](const std::string& text) { trace->seconds = seconds_of(text); },
          "how long, e.g. 30s or 5m; at most 10m (60s)")
      ->check([](const std::string& text) {
        const std::int64_t seconds = seconds_of(text);
        return seconds < 1 || seconds > 600 ? "write e.g. 30s or 5m, at most 10m" : "";
      });
  trace_app->add_flag_callback(
      "--payload", [trace] { trace->payload = TraceCommand::Payload::show; },
      "show the first 256 bytes of payloads");
  add_target(*trace_app, trace->target);
  trace_app->callback([trace, &command] { command = *trace; });
}

/// `dunlin audit export` and `verify`, which do more than call their operation.
void add_audit(CLI::App& noun, Command& command) {
  auto take = std::make_shared<AuditExportCommand>();  // shared with the callbacks; so is the other
  CLI::App* take_app = noun.add_subcommand("export", "write the audit log as lines of JSON, with its hashes");
  take_app->add_option("--first", take->first, "begin with this record (the oldest)")
      ->check(CLI::PositiveNumber);
  take_app->add_option("--through", take->through, "end with this record (the newest)")
      ->check(CLI::PositiveNumber);
  take_app->add_option("--out", take->out_file, "into this file, which must not exist (standard output)");
  add_target(*take_app, take->target);
  take_app->callback([take, &command] { command = *take; });

  auto verify = std::make_shared<AuditVerifyCommand>();
  CLI::App* verify_app = noun.add_subcommand(
      "verify", "say whether the audit log is as it was written, and which record is not; status 1 if not");
  verify_app->add_option("--file", verify->file, "an exported log, not the running server's");
  verify_app->add_option("--key", verify->key_file,
                         "with --file: audit.key of the server's data folder, to check the head's signature");
  add_target(*verify_app, verify->target);
  verify_app->callback([verify, &command] { command = *verify; });
}

void add_operations(CLI::App& app, const std::vector<model::OperationSpec>& operations, Command& command) {
  std::map<std::string, CLI::App*> nouns;
  for (const model::OperationSpec& spec : operations) {
    const Words words = words_of(spec.name);
    CLI::App*& noun = nouns[words.noun];
    if (noun == nullptr) {
      noun = app.add_subcommand(words.noun, words.noun + " operations of a running server");
      noun->require_subcommand(1);
    }
    if (spec.name == "audit.export") add_audit(*noun, command);
    if (spec.name == "series.write") add_series_files(*noun, command);
    if (spec.name == "blob.list") add_blob_files(*noun, command);
    if (spec.name == "rule.list") add_rule_eval(*noun, command);
    if (spec.name != "audit.export" && spec.name != "audit.verify") add_operation(*noun, spec, command);
  }
}

}  // namespace

void add_target(CLI::App& app, CallTarget& target) {
  app.add_option("--data", target.data_folder, "the data folder of the server on this machine")
      ->capture_default_str();
  app.add_option("--server", target.server, "another server: https://host:port");
  app.add_option("--ca", target.ca_file, "the root certificate of that server, PEM");
  app.add_option("--token-file", target.token_file, "a file with an API token for that server");
  app.add_flag_callback(
      "--json", [&target] { target.output = CallTarget::Output::json; }, "print the answer as JSON");
}

std::variant<Command, Exit> read_command_line(int argc, const char* const* argv) {
  CLI::App app("Dunlin: an Internet-of-Things system in one program", "dunlin");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "help of every subcommand");
  app.set_version_flag("--version", "dunlin " + std::string(platform::version()));
  Command command = VersionCommand{};
  const auto operations = platform::all_operations();
  add_programs(app, command);
  add_helpers(app, command);
  add_analyze(app, command);
  add_bench(app, command);
  add_keys(app, command);
  add_backups(app, command);
  add_operations(app, operations, command);
  add_explain(app, operations, command);
  add_trace(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream problems;
    const int status = app.exit(error, out, problems);
    // CLI11 only says that a subcommand is missing.
    const std::string_view first = argc > 1 ? argv[1] : "";
    const bool unknown =
        !first.empty() && !first.starts_with('-') &&
        app.get_subcommands([&](const CLI::App* one) { return one->get_name() == first; }).empty();
    const std::string problem =
        unknown ? "There is no subcommand \"" + std::string(first) + "\"\n" : std::string();
    return Exit{status == 0 ? 0 : 2, problem + out.str() + problems.str()};
  }
  return command;
}

}  // namespace dunlin::apps
