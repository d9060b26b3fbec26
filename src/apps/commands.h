#pragma once
// What each subcommand is asked to do, after the command line has been read.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "load/forwarder.h"
#include "load/options.h"
#include "load/series_cost.h"
#include "load/storm.h"
#include "model/operation.h"

namespace dunlin::apps {

/// Where configuration comes from: `dunlin serve`, `up`, `gateway` and `check-config` share it.
struct ConfigSource {
  std::string file;                   // empty: none
  std::string data_folder;            // empty: as configured
  std::vector<std::string> settings;  // "key=value"
};

struct ServeCommand {
  ConfigSource source;
};
struct UpCommand {
  ConfigSource source;
  double speed = 300;  // of the replayed series
  enum class Site : std::uint8_t { simulated, none } site = Site::simulated;
};
struct GatewayCommand {
  ConfigSource source;
};
struct SimCommand {
  std::string site_file;
  std::vector<std::string> settings;
};
struct CheckConfigCommand {
  ConfigSource source;
  enum class Print : std::uint8_t { nothing, reference } print = Print::nothing;
  enum class Role : std::uint8_t { server, gateway, site } role = Role::server;
};
struct VersionCommand {};

/// `dunlin analyze`: anomalies of a recorded series, or its forecast.
struct AnalyzeCommand {
  std::string file;  // CSV; "-": standard input
  std::size_t forecast_steps = 0;
  std::optional<double> limit;
};

/// `dunlin rule eval`: statements on messages, without a server.
struct RuleEvalCommand {
  std::string file = "-";  // standard input
};

/// `dunlin bench mqtt`: a load on a server, or the null forwarder.
struct BenchMqttCommand {
  load::LoadOptions options;  // but for what the files hold
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string password_file;  // a token is a password too
  enum class Output : std::uint8_t { text, json } output = Output::text;
  std::optional<load::ForwarderOptions> forward;
};

/// `dunlin bench tls`.
struct BenchTlsCommand {
  std::uint64_t handshakes = 240;  // of each kind in a round
  std::uint64_t rounds = 5;
  enum class Output : std::uint8_t { text, json } output = Output::text;
};

/// `dunlin bench series`.
struct BenchSeriesCommand {
  load::SeriesBenchOptions options;  // without a folder: one that goes with the run
  enum class Output : std::uint8_t { text, json } output = Output::text;
};

/// `dunlin bench storm`.
struct BenchStormCommand {
  load::StormOptions storm;  // but for the devices
  std::string devices_file;
  BenchMqttCommand live;  // the traffic beside it; its CA is the devices' too
};

/// Where an operation is sent, and how its answer is shown.
struct CallTarget {
  std::string data_folder = "dunlin-data";  // of a server on this machine
  std::string server;                       // "https://host:port" instead
  std::string ca_file;
  std::string token_file;
  enum class Output : std::uint8_t { text, json } output = Output::text;
};
struct CallCommand {
  model::OperationSpec operation;
  std::vector<std::pair<std::string, std::string>> fields;  // as written
  CallTarget target;
  std::vector<std::pair<std::string, std::string>> field_files;  // fields whose value is in a file
  std::string out_folder;                                        // cert issue: where the files go
  std::string out_file;  // ca request, ca export-root: where what is made goes, readable by its owner only
  enum class Rows : std::uint8_t { no, csv, ndjson } rows = Rows::no;  // series query: all rows, as they come
};

/// `dunlin trace`: what happens to messages, as it happens.
struct TraceCommand {
  std::string topic;   // filter; empty: all
  std::string client;  // empty: all
  std::int64_t seconds = 60;
  enum class Payload : std::uint8_t { hide, show } payload = Payload::hide;
  CallTarget target;
};

/// `dunlin audit export`: the log as lines of JSON.
struct AuditExportCommand {
  CallTarget target;
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> through;
  std::string out_file;  // empty: standard output
};
/// `dunlin audit verify`: the log of a running server, or an exported one.
struct AuditVerifyCommand {
  CallTarget target;
  std::string file;      // empty: the running server's
  std::string key_file;  // audit.key of the server's data folder
};

/// `dunlin series import`: samples of a file into a running server.
struct SeriesImportCommand {
  CallTarget target;
  std::string file;
  std::string format;            // empty: as the file's name says
  std::string precision = "ns";  // of lines' times
};
/// `dunlin series export`: stored samples as a file.
struct SeriesExportCommand {
  CallTarget target;
  std::string format;   // empty: as the file's name says, or CSV
  std::string device;   // empty: all
  std::string channel;  // empty: all
  std::string from;     // as series.points has it; empty: no bound
  std::string to;
  std::string out_file;  // empty: standard output
};

/// `dunlin blob put`: a file into a running server.
struct BlobPutCommand {
  CallTarget target;
  std::string file;
  std::string device;      // empty: no device's
  std::string name;        // empty: the file's
  std::string media_type;  // empty: as the name says
  std::string keep;        // empty: as the server's rules say
};
/// `dunlin blob get`: a blob into a file.
struct BlobGetCommand {
  CallTarget target;
  std::string blob;
  std::string out_file;
};

/// `dunlin backup --to`: of the server that runs on a data folder, or of the folder where none runs.
struct BackupCommand {
  std::string data_folder = "dunlin-data";
  std::string to;
  std::size_t keep = 7;
  CallTarget::Output output = CallTarget::Output::text;
};
/// `dunlin backup list` and `verify`.
struct BackupsCommand {
  enum class Action : std::uint8_t { list, verify } action = Action::list;
  std::string folder;
  CallTarget::Output output = CallTarget::Output::text;
};
/// `dunlin restore`.
struct RestoreCommand {
  std::string from;
  std::string at;  // RFC 3339; empty: the newest
  std::string data_folder;
};

/// `dunlin doctor`: what is weak in how a server is set up.
struct DoctorCommand {
  ConfigSource source;
  enum class Show : std::uint8_t { what_is_wrong, all } show = Show::what_is_wrong;
  CallTarget::Output output = CallTarget::Output::text;
};

/// `dunlin device-key new`, `csr`, `public`: a key of this machine, in a file or in a PKCS#11 token.
struct KeyCommand {
  enum class Action : std::uint8_t { make, request, show } action = Action::show;
  std::string key;       // a file or a pkcs11: URI
  std::string token;     // make: the token in which it is made; empty: a file
  std::string name;      // make: its label; request: the common name
  std::string out_file;  // empty: standard output
};

/// `dunlin vault protect` and what undoes it: the keys of a server that does not run.
struct VaultCommand {
  enum class Action : std::uint8_t { protect, change, unprotect, status, reveal } action = Action::status;
  std::string data_folder = "dunlin-data";
  std::string passphrase;      // where it comes from: keys::read_secret()
  std::string new_passphrase;  // likewise
  std::string key;             // pkcs11: URI, instead of the (new) passphrase
  std::string file;            // reveal: relative to the data folder
};

/// `dunlin seal`: a blob that one device alone can open.
struct SealCommand {
  std::string thing;             // whose certificate is asked for; or
  std::string certificate_file;  // the certificate; or
  std::string key;               // a key of this machine
  std::string file;
  std::string out_file;
  enum class Form : std::uint8_t { der, pem } form = Form::der;
  CallTarget target;
};
/// `dunlin unseal`.
struct UnsealCommand {
  std::string key;
  std::string file;
  std::string out_file;
};

using Command =
    std::variant<ServeCommand, UpCommand, GatewayCommand, SimCommand, CheckConfigCommand, VersionCommand,
                 BenchMqttCommand, BenchTlsCommand, BenchSeriesCommand, BenchStormCommand, CallCommand,
                 TraceCommand, AuditExportCommand, AuditVerifyCommand, DoctorCommand, KeyCommand,
                 VaultCommand, SealCommand, UnsealCommand, AnalyzeCommand, SeriesImportCommand,
                 SeriesExportCommand, BlobPutCommand, BlobGetCommand, BackupCommand, BackupsCommand,
                 RestoreCommand, RuleEvalCommand>;

int run_serve(const ServeCommand& command);
int run_up(const UpCommand& command);
int run_gateway(const GatewayCommand& command);
int run_sim(const SimCommand& command);
int run_check_config(const CheckConfigCommand& command);
int run_version(const VersionCommand& command);
int run_bench_mqtt(const BenchMqttCommand& command);
int run_bench_tls(const BenchTlsCommand& command);
int run_bench_series(const BenchSeriesCommand& command);
int run_bench_storm(const BenchStormCommand& command);
int run_call(const CallCommand& command);
int run_trace(const TraceCommand& command);
int run_audit_export(const AuditExportCommand& command);
int run_audit_verify(const AuditVerifyCommand& command);
int run_doctor(const DoctorCommand& command);
int run_key(const KeyCommand& command);
int run_vault(const VaultCommand& command);
int run_seal(const SealCommand& command);
int run_unseal(const UnsealCommand& command);
int run_analyze(const AnalyzeCommand& command);
int run_series_import(const SeriesImportCommand& command);
int run_series_export(const SeriesExportCommand& command);
int run_blob_put(const BlobPutCommand& command);
int run_blob_get(const BlobGetCommand& command);
int run_backup(const BackupCommand& command);
int run_backups(const BackupsCommand& command);
int run_restore(const RestoreCommand& command);
int run_rule_eval(const RuleEvalCommand& command);

}  // namespace dunlin::apps
