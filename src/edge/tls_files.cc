#include "edge/tls_files.h"

#include "edge/limits.h"

namespace dunlin::edge {
namespace {

Result<std::string> read_pem(Fs& fs, const std::string& path, const char* key) {
  auto text = read_file(fs, path, kMaxPemBytes);
  if (!text) return fail(text.error().code, std::string(key) + " = \"" + path + "\": " + text.error().message);
  return text;
}

}  // namespace

Result<std::shared_ptr<net::TlsClientContext>> load_uplink_tls(Fs& fs, const GatewayConfig& config) {
  if (config.uplink_endpoint.empty()) return std::shared_ptr<net::TlsClientContext>{};
  net::TlsClientOptions options;
  DUNLIN_TRY(options.trusted_ca_pem, read_pem(fs, config.uplink_ca_file, "uplink.ca_file"));
  DUNLIN_TRY(options.certificate_chain_pem, read_pem(fs, config.uplink_certificate_file, "uplink.certificate_file"));
  DUNLIN_TRY(options.private_key_pem, read_pem(fs, config.uplink_key_file, "uplink.key_file"));
  return net::make_tls_client_context(options);
}

Result<std::shared_ptr<net::TlsServerContext>> load_listen_tls(Fs& fs, const GatewayConfig& config) {
  if (config.listen_mqtts.empty()) return std::shared_ptr<net::TlsServerContext>{};
  net::TlsServerOptions options;
  DUNLIN_TRY(options.certificate_chain_pem, read_pem(fs, config.listen_certificate_file, "listen.certificate_file"));
  DUNLIN_TRY(options.private_key_pem, read_pem(fs, config.listen_key_file, "listen.key_file"));
  options.application_protocols = {"mqtt"};
  return net::make_tls_server_context(options);
}

}  // namespace dunlin::edge
