#include "apps/bench_options.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace dunlin::apps {
namespace {

/// The words as read; made into a command once all of them are there.
struct Words {
  BenchMqttCommand command;
  std::string forward;
  int qos = 0;
  std::string version = "5";
  double seconds = 5;
};

/// A check and a conversion in one: CLI11 says what is wrong and ends with status 2.
template <class Parse>
CLI::Validator reads_as(Parse parse) {
  return CLI::Validator(
      [parse](const std::string& text) {
        const auto value = parse(text);
        return value ? std::string() : value.error().message;
      },
      "");
}

void add_where(CLI::App& app, Words& words) {
  BenchMqttCommand& command = words.command;
  app.add_option_function<std::string>(
         "--server",
         [&command](const std::string& text) { command.options.server = *load::parse_server_address(text); },
         "mqtt://host:1883, mqtts://host:8883, ws://host:8080/mqtt or wss://host:8443/mqtt")
      ->check(reads_as(load::parse_server_address))
      ->default_str("mqtt://127.0.0.1:1883");
  app.add_option("--ca", command.ca_file, "PEM file with the root of the server's certificate");
  CLI::Option* certificate =
      app.add_option("--certificate", command.certificate_file, "the client's own, PEM");
  CLI::Option* key =
      app.add_option("--key", command.key_file, "its key: PEM, or the pkcs11: URI of one in a token");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--username", command.options.username, "of every client");
  app.add_option("--password-file,--token-file", command.password_file, "a file with its password or token");
  app.add_option("--topic", command.options.topic_prefix,
                 "first levels of all topics; else bench/ and a number");
  app.add_option("--client-id", command.options.client_prefix,
                 "first part of all client identifiers; else load- and a number");
  app.add_option("--connecting", command.options.connecting,
                 "connections being set up at once; 1 where every sign-in checks a password")
      ->capture_default_str();
  app.add_option("--version", words.version, "of MQTT: 3.1.1 or 5")
      ->check(CLI::IsMember({"3.1.1", "5"}))
      ->capture_default_str();
}

void add_what(CLI::App& app, Words& words) {
  load::LoadOptions& options = words.command.options;
  app.add_option_function<std::string>(
         "--mode", [&options](const std::string& text) { options.mode = *load::parse_load_mode(text); },
         "pairs, fan-out, fan-in, shared, idle, churn or retained")
      ->check(reads_as(load::parse_load_mode))
      ->default_str("pairs");
  app.add_option("--publishers", options.publishers, "publishing clients")->capture_default_str();
  app.add_option("--subscribers,--connections", options.subscribers,
                 "subscribing clients; idle and churn: the connections")
      ->capture_default_str();
  app.add_option("--qos", words.qos, "0, 1 or 2")->check(CLI::Range(0, 2))->capture_default_str();
  app.add_option("--payload", options.payload_bytes, "bytes of a payload, at least 16")
      ->capture_default_str();
  app.add_option("--seconds", words.seconds, "how long")
      ->check(CLI::Range(0.01, 86400.0))
      ->capture_default_str();
  app.add_option("--window", options.window,
                 "messages of a publisher under way at most (1000, or 100 with QoS)");
  app.add_option("--batch", options.batch, "messages a publisher sends in one go")->capture_default_str();
  app.add_option(
      "--rate", options.rate,
      "messages a second of all publishers, each at its moment; without: as fast as the windows allow");
  app.add_option("--subscriptions", options.subscriptions,
                 "further subscriptions that nothing matches, held by other clients")
      ->capture_default_str();
  app.add_option("--retained", options.retained_messages, "messages of the mode retained")
      ->capture_default_str();
}

BenchMqttCommand finished(Words words) {
  load::LoadOptions& options = words.command.options;
  options.qos = static_cast<mqtt::QoS>(words.qos);
  options.version = words.version == "5" ? mqtt::ProtocolVersion::v5 : mqtt::ProtocolVersion::v3_1_1;
  options.duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(words.seconds));
  if (words.forward.empty()) return words.command;
  using Target = load::ForwarderOptions::Target;
  words.command.forward = {.endpoint = *net::parse_endpoint(words.forward),
                           .target = options.mode == load::LoadMode::fan_out ? Target::all : Target::one};
  return words.command;
}

void add_bench_mqtt(CLI::App& bench, Command& command) {
  CLI::App* mqtt = bench.add_subcommand(
      "mqtt", "put a load on any MQTT server and say of every message what became of it");
  auto words = std::make_shared<Words>();  // shared with the callbacks that run while and after parsing
  add_where(*mqtt, *words);
  add_what(*mqtt, *words);
  mqtt->add_option("--server-pid", words->command.options.process_ids,
                   "process of the server, for its CPU time and memory")
      ->allow_extra_args(false);
  mqtt->add_flag_callback(
      "--json", [words] { words->command.output = BenchMqttCommand::Output::json; }, "one line of JSON");
  mqtt->add_option(
          "--forward", words->forward,
          "no load: be the null forwarder on this address, e.g. 127.0.0.1:1883 (--mode fan-out: to all)")
      ->check(reads_as(net::parse_endpoint));
  mqtt->callback([words, &command] { command = finished(*words); });
}

void add_bench_tls(CLI::App& bench, Command& command) {
  CLI::App* tls = bench.add_subcommand(
      "tls", "TLS handshakes of this program's server beside plain OpenSSL in memory, by CPU time");
  auto words = std::make_shared<BenchTlsCommand>();  // shared with the callbacks that run after parsing
  tls->add_option("--handshakes", words->handshakes, "of each kind in a round")
      ->check(CLI::Range(std::uint64_t{load::kTlsBenchLanes}, load::kMaxTlsBenchHandshakes))
      ->capture_default_str();
  tls->add_option("--rounds", words->rounds, "in turns; the one in the middle counts")
      ->check(CLI::Range(std::uint64_t{1}, load::kMaxTlsBenchRounds))
      ->capture_default_str();
  tls->add_flag_callback(
      "--json", [words] { words->output = BenchTlsCommand::Output::json; }, "one line of JSON");
  tls->callback([words, &command] { command = *words; });
}

void add_bench_series(CLI::App& bench, Command& command) {
  CLI::App* app = bench.add_subcommand(
      "series",
      "the store of measurements alone: points a second of CPU, bytes a point, what questions cost");
  auto words = std::make_shared<BenchSeriesCommand>();  // shared with the callbacks that run after parsing
  load::SeriesBenchOptions& options = words->options;
  app->add_option("--series", options.series, "how many")
      ->check(CLI::Range(std::size_t{1}, load::kMaxBenchSeries))
      ->capture_default_str();
  app->add_option("--points", options.points, "of each, a minute apart")
      ->check(CLI::Range(std::size_t{1}, load::kMaxBenchPoints))
      ->capture_default_str();
  app->add_option("--batch", options.batch, "points in one durable write")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  app->add_option("--questions", options.questions, "of each kind")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}))
      ->capture_default_str();
  app->add_option("--folder", options.folder, "kept afterwards, and must not exist; else a temporary one");
  app->add_flag_callback(
      "--json", [words] { words->output = BenchSeriesCommand::Output::json; }, "one line of JSON");
  app->callback([words, &command] { command = *words; });
}

/// The words of `bench storm`.
struct StormWords {
  BenchStormCommand command;
  std::string server;
  std::string live_server;
  std::string resumption = "when-possible";
  double seconds = 5;
  double spread = 1;
  double patience = 60;
};

Duration seconds_of(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

BenchStormCommand finished(StormWords words) {
  BenchStormCommand command = std::move(words.command);
  command.storm.server = *load::parse_server_address(words.server);
  command.storm.spread = seconds_of(words.spread);
  command.storm.patience = seconds_of(words.patience);
  command.live.options.server = *load::parse_server_address(words.live_server);
  command.live.options.duration = seconds_of(words.seconds);
  if (words.resumption == "never") command.storm.resumption = load::Resumption::never;
  return command;
}

void add_storm_devices(CLI::App& storm, StormWords& words) {
  storm.add_option("--server", words.server, "where the devices connect: mqtts://host:8883")
      ->check(reads_as(load::parse_server_address))
      ->required();
  storm.add_option("--ca", words.command.live.ca_file, "PEM file with the root of the server's certificate")
      ->required();
  storm
      .add_option("--devices", words.command.devices_file,
                  "a JSON object a line: name, certificate (a chain) and private_key, PEM")
      ->required();
  storm.add_option("--resumption", words.resumption, "of the devices' TLS sessions")
      ->check(CLI::IsMember({"when-possible", "never"}))
      ->capture_default_str();
  storm.add_option("--spread", words.spread, "seconds in which all of them dial again")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  storm.add_option("--patience", words.patience, "seconds after which those that are not back are left out")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
}

void add_live_traffic(CLI::App& storm, StormWords& words) {
  BenchMqttCommand& live = words.command.live;
  live.options.qos = mqtt::QoS::at_least_once;
  live.options.rate = 1000;
  storm
      .add_option("--live-server", words.live_server,
                  "where the live traffic goes, e.g. mqtt://127.0.0.1:1883")
      ->check(reads_as(load::parse_server_address))
      ->required();
  storm.add_option("--live-rate", live.options.rate, "its messages a second, QoS 1, from ten clients to ten")
      ->capture_default_str();
  storm.add_option("--seconds", words.seconds, "for which it is measured before the storm")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  storm.add_option("--username", live.options.username, "of its clients");
  storm.add_option("--password-file,--token-file", live.password_file, "a file with their password or token");
  storm.add_option("--topic", live.options.topic_prefix,
                   "first levels of its topics; else bench/ and a number");
  storm.add_option("--client-id", live.options.client_prefix,
                   "first part of its client identifiers; else load- and a number");
}

void add_bench_storm(CLI::App& bench, Command& command) {
  CLI::App* storm = bench.add_subcommand(
      "storm",
      "cut off devices with certificates at one moment, and see them all come back beside live traffic");
  auto words = std::make_shared<StormWords>();  // shared with the callbacks that run while and after parsing
  add_storm_devices(*storm, *words);
  add_live_traffic(*storm, *words);
  storm
      ->add_option("--server-pid", words->command.live.options.process_ids,
                   "process of the server, for its CPU time and memory")
      ->allow_extra_args(false);
  storm->add_flag_callback(
      "--json", [words] { words->command.live.output = BenchMqttCommand::Output::json; }, "one line of JSON");
  storm->callback([words, &command] { command = finished(*words); });
}

}  // namespace

void add_bench(CLI::App& app, Command& command) {
  CLI::App* bench = app.add_subcommand("bench", "measure a server under load");
  bench->require_subcommand(1);
  add_bench_mqtt(*bench, command);
  add_bench_tls(*bench, command);
  add_bench_series(*bench, command);
  add_bench_storm(*bench, command);
}

}  // namespace dunlin::apps
