#include "apps/program.h"

#include <cstdio>

#include "apps/command_line.h"
#include "platform/status.h"

namespace dunlin::apps {
namespace {

struct Runner {
  int operator()(const ServeCommand& command) const { return run_serve(command); }
  int operator()(const UpCommand& command) const { return run_up(command); }
  int operator()(const GatewayCommand& command) const { return run_gateway(command); }
  int operator()(const SimCommand& command) const { return run_sim(command); }
  int operator()(const CheckConfigCommand& command) const { return run_check_config(command); }
  int operator()(const VersionCommand& command) const { return run_version(command); }
  int operator()(const BenchMqttCommand& command) const { return run_bench_mqtt(command); }
  int operator()(const BenchTlsCommand& command) const { return run_bench_tls(command); }
  int operator()(const BenchSeriesCommand& command) const { return run_bench_series(command); }
  int operator()(const BenchStormCommand& command) const { return run_bench_storm(command); }
  int operator()(const CallCommand& command) const { return run_call(command); }
  int operator()(const TraceCommand& command) const { return run_trace(command); }
  int operator()(const AuditExportCommand& command) const { return run_audit_export(command); }
  int operator()(const AuditVerifyCommand& command) const { return run_audit_verify(command); }
  int operator()(const DoctorCommand& command) const { return run_doctor(command); }
  int operator()(const KeyCommand& command) const { return run_key(command); }
  int operator()(const VaultCommand& command) const { return run_vault(command); }
  int operator()(const SealCommand& command) const { return run_seal(command); }
  int operator()(const UnsealCommand& command) const { return run_unseal(command); }
  int operator()(const AnalyzeCommand& command) const { return run_analyze(command); }
  int operator()(const SeriesImportCommand& command) const { return run_series_import(command); }
  int operator()(const SeriesExportCommand& command) const { return run_series_export(command); }
  int operator()(const BlobPutCommand& command) const { return run_blob_put(command); }
  int operator()(const BlobGetCommand& command) const { return run_blob_get(command); }
  int operator()(const BackupCommand& command) const { return run_backup(command); }
  int operator()(const BackupsCommand& command) const { return run_backups(command); }
  int operator()(const RestoreCommand& command) const { return run_restore(command); }
  int operator()(const RuleEvalCommand& command) const { return run_rule_eval(command); }
};

}  // namespace

int run_version(const VersionCommand&) {
  std::printf("dunlin %s\n", std::string(platform::version()).c_str());
  return 0;
}

int run(int argc, char** argv) {
  const auto read = read_command_line(argc, argv);
  if (const auto* exit = std::get_if<Exit>(&read)) {
    std::fputs(exit->output.c_str(), exit->status == 0 ? stdout : stderr);
    return exit->status;
  }
  return std::visit(Runner{}, std::get<Command>(read));
}

}  // namespace dunlin::apps
