#include "transport/bridge/credentials.h"

#include "transport/bridge/limits.h"
#include "transport/mqtt/server_address.h"

namespace dunlin::bridge {
namespace {

struct FileKey {
  const char* key;
  std::string BridgeSettings::* member;
};
constexpr FileKey kFiles[] = {{"password_file", &BridgeSettings::password_file},
                              {"ca_file", &BridgeSettings::ca_file},
                              {"certificate_file", &BridgeSettings::certificate_file},
                              {"key_file", &BridgeSettings::key_file}};

Result<std::string> read_named(const security::SecretFiles& files, const FileKey& file,
                               const BridgeSettings& settings, Source source, const std::string& folder) {
  const std::string& name = settings.*file.member;
  if (name.empty()) return std::string{};
  const std::string path = source == Source::api ? folder + "/" + name : name;
  auto text = files.read(path, kMaxSecretBytes);
  if (!text)
    return fail(text.error().code, std::string(file.key) + " = \"" + path + "\": " + text.error().message);
  return text;
}

}  // namespace

Result<void> check_files(const BridgeSettings& settings, Source source) {
  if (source == Source::configuration) return {};
  for (const FileKey& file : kFiles) {
    const std::string& name = settings.*file.member;
    if (name.find('/') != std::string::npos || name.starts_with('.'))
      return fail(Errc::invalid_argument,
                  std::string(file.key) +
                      " must be the bare name of a file in the folder bridge-secrets of the data "
                      "folder; paths are possible in the configuration file only");
  }
  return {};
}

Result<Credentials> load_credentials(const security::SecretFiles& files, const BridgeSettings& settings,
                                     Source source, const std::string& secrets_folder) {
  DUNLIN_CHECK(check_files(settings, source));
  Credentials made;
  std::string texts[std::size(kFiles)];
  for (std::size_t i = 0; i < std::size(kFiles); ++i) {
    DUNLIN_TRY(texts[i], read_named(files, kFiles[i], settings, source, secrets_folder));
  }
  if (!settings.password_file.empty()) {
    std::string& password = texts[0];
    while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
    made.password = std::move(password);
  }
  DUNLIN_TRY(const auto address, transport::parse_server_address(settings.address));
  if (!address.is_tls()) return made;
  net::TlsClientOptions options;
  options.trusted_ca_pem = std::move(texts[1]);
  options.certificate_chain_pem = std::move(texts[2]);
  options.private_key_pem = std::move(texts[3]);
  DUNLIN_TRY(made.tls, net::make_tls_client_context(options));
  return made;
}

}  // namespace dunlin::bridge
