// mqtt_load: puts a load on an MQTT server and says what became of every message.
// Exit status: 0 when nothing was lost, doubled or reordered; 1 when something was; 2 when the load could not
// be run.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "bench/load_run.h"

namespace dunlin::bench {
namespace {

struct Arguments {
  LoadOptions options;
  std::string version = "5";
  int qos = 0;
  double seconds = 5;
  bool json = false;
};

void declare(CLI::App& app, Arguments& arguments) {
  LoadOptions& options = arguments.options;
  const std::map<std::string, LoadMode> modes{{"pairs", LoadMode::pairs},
                                              {"fan-out", LoadMode::fan_out},
                                              {"fan-in", LoadMode::fan_in},
                                              {"idle", LoadMode::idle}};
  app.add_option("--mode", options.mode, "pairs, fan-out, fan-in or idle")
      ->transform(CLI::CheckedTransformer(modes));
  app.add_option("--publishers", options.publishers, "publishing clients");
  app.add_option("--subscribers", options.subscribers, "subscribing clients (idle: the connections)");
  app.add_option("--qos", arguments.qos, "0, 1 or 2")->check(CLI::Range(0, 2));
  app.add_option("--version", arguments.version, "of MQTT: 3.1.1 or 5")->check(CLI::IsMember({"3.1.1", "5"}));
  app.add_option("--payload", options.payload_bytes, "bytes of a payload, at least 16");
  app.add_option("--window", options.window, "messages of a publisher under way at most");
  app.add_option("--seconds", arguments.seconds, "how long to publish")->check(CLI::Range(0.01, 86400.0));
  app.add_option("--host", options.server.host, "numeric address of the server");
  app.add_option("--port", options.server.port, "port of the server");
  app.add_option("--pid", options.process_ids, "process of the server, for its CPU time and memory");
  app.add_flag("--json", arguments.json, "one line of JSON");
}

int run(const Arguments& arguments) {
  LoadOptions options = arguments.options;
  options.qos = static_cast<mqtt::QoS>(arguments.qos);
  options.version = arguments.version == "5" ? mqtt::ProtocolVersion::v5 : mqtt::ProtocolVersion::v3_1_1;
  options.duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arguments.seconds));
  const Result<LoadReport> report = run_load(options);
  if (!report) {
    std::fprintf(stderr, "mqtt_load: %s\n", report.error().message.c_str());
    return 2;
  }
  const std::string text =
      arguments.json ? report_json(options, *report) + "\n" : report_text(options, *report);
  std::fputs(text.c_str(), stdout);
  return report->faultless() ? 0 : 1;
}

}  // namespace
}  // namespace dunlin::bench

int main(int argc, char** argv) {
  CLI::App app("Puts a load on an MQTT server and says what became of every message.");
  dunlin::bench::Arguments arguments;
  dunlin::bench::declare(app, arguments);
  CLI11_PARSE(app, argc, argv);
  return dunlin::bench::run(arguments);
}
