#include <unistd.h>

#include <cstdio>

#include "apps/bench_load.h"
#include "apps/commands.h"
#include "apps/configuration.h"
#include "apps/signals.h"
#include "base/fs.h"
#include "keys/device_key.h"
#include "load/process.h"

namespace dunlin::apps {
namespace {

Result<std::string> read_secret(Fs& fs, const std::string& path) {
  DUNLIN_TRY(std::string text, read_file(fs, path, load::kMaxCredentialBytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

bool is_encrypted(load::Transport transport) {
  return transport == load::Transport::tls || transport == load::Transport::websocket_tls;
}

}  // namespace

Result<load::LoadOptions> load_options_of(const BenchMqttCommand& command, Fs& fs) {
  load::LoadOptions options = command.options;
  if (!command.password_file.empty()) {
    DUNLIN_TRY(options.password, read_secret(fs, command.password_file));
  }
  const bool secret = options.password || !command.key_file.empty();
  if (secret && !is_encrypted(options.server.transport) && !options.server.endpoint.is_loopback())
    return fail(Errc::invalid_argument, "a secret is sent to another machine over mqtts:// or wss:// only");
  if (is_encrypted(options.server.transport) && !command.ca_file.empty()) {
    net::TlsClientOptions tls;
    DUNLIN_TRY(tls.trusted_ca_pem, read_file(fs, command.ca_file));
    if (!command.certificate_file.empty()) {
      DUNLIN_TRY(tls.certificate_chain_pem, read_file(fs, command.certificate_file));
      DUNLIN_TRY(tls.private_key_pem, keys::read_key_text(fs, command.key_file));
    }
    DUNLIN_TRY(options.tls, net::make_tls_client_context(tls));
  }
  return load::checked(std::move(options));
}

int report_unusable(const Error& error) {
  report(error);
  return error.code == Errc::invalid_argument ? 2 : 1;
}

void show_progress(const std::string& text) {
  if (::isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
}

namespace {

int run_forwarder(const load::ForwarderOptions& options) {
  auto forwarder = load::ForwarderProcess::start(options);
  if (!forwarder) return report(forwarder.error());
  std::printf("listening %d\n", static_cast<int>((*forwarder)->local().port));
  std::fflush(stdout);
  return wait_for_end();
}

}  // namespace

int run_bench_mqtt(const BenchMqttCommand& command) {
  keep_end_signals();
  if (command.forward) return run_forwarder(*command.forward);
  const auto fs = make_system_fs();
  const auto options = load_options_of(command, *fs);
  if (!options) return report_unusable(options.error());
  load::LoadProcess process(*options,
                            [previous = load::LoadProgress()](const load::LoadProgress& progress) mutable {
                              show_progress(load::progress_text(progress, previous));
                              previous = progress;
                            });
  const auto result = run_until_signal(process);
  if (!result) return report(result.error());
  const std::string text = command.output == BenchMqttCommand::Output::json
                               ? load::report_json(*options, *result) + "\n"
                               : load::report_text(*options, *result);
  std::fputs(text.c_str(), stdout);
  return result->faultless(*options) ? 0 : 1;
}

}  // namespace dunlin::apps
