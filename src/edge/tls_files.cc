#include "edge/tls_files.h"

#include "edge/limits.h"
#include "keys/device_key.h"
#include "security/sealed.h"

namespace dunlin::edge {
namespace {

Result<std::string> read_pem(Fs& fs, const std::string& path, const char* key) {
  auto text = read_file(fs, path, kMaxPemBytes);
  if (!text)
    return fail(text.error().code, std::string(key) + " = \"" + path + "\": " + text.error().message);
  return text;
}

Result<std::string> read_key(Fs& fs, const std::string& name, const char* key) {
  auto text = keys::read_key_text(fs, name);
  if (!text)
    return fail(text.error().code, std::string(key) + " = \"" + name + "\": " + text.error().message);
  return text;
}

/// What the gateway keeps sealed for its own key: a copy of its disk opens nothing.
Result<std::string> unsealed(Fs& fs, const GatewayConfig& config, std::string text) {
  if (!text.starts_with(security::kSealedBegin)) return text;
  DUNLIN_TRY(const std::string own, read_key(fs, config.uplink_key_file, "uplink.key_file"));
  DUNLIN_TRY(const auto block, security::sealed_from_pem(text));
  DUNLIN_TRY(auto device, keys::open_device_key(own));
  auto opened = security::open_sealed(block.der, std::move(device));
  if (!opened) return fail(opened.error().code, "listen.key_file: " + opened.error().message);
  return opened;
}

}  // namespace

Result<std::shared_ptr<net::TlsClientContext>> load_uplink_tls(Fs& fs, const GatewayConfig& config) {
  if (config.uplink_endpoint.empty()) return std::shared_ptr<net::TlsClientContext>{};
  net::TlsClientOptions options;
  DUNLIN_TRY(options.trusted_ca_pem, read_pem(fs, config.uplink_ca_file, "uplink.ca_file"));
  DUNLIN_TRY(options.certificate_chain_pem,
             read_pem(fs, config.uplink_certificate_file, "uplink.certificate_file"));
  DUNLIN_TRY(options.private_key_pem, read_key(fs, config.uplink_key_file, "uplink.key_file"));
  return net::make_tls_client_context(options);
}

Result<std::shared_ptr<net::TlsServerContext>> load_listen_tls(Fs& fs, const GatewayConfig& config) {
  if (config.listen_mqtts.empty()) return std::shared_ptr<net::TlsServerContext>{};
  net::TlsServerOptions options;
  DUNLIN_TRY(options.certificate_chain_pem,
             read_pem(fs, config.listen_certificate_file, "listen.certificate_file"));
  DUNLIN_TRY(std::string key, read_key(fs, config.listen_key_file, "listen.key_file"));
  DUNLIN_TRY(options.private_key_pem, unsealed(fs, config, std::move(key)));
  options.application_protocols = {"mqtt"};
  return net::make_tls_server_context(options);
}

}  // namespace dunlin::edge
