#include "fleet/credentials.h"

#include <map>
#include <utility>

#include "fleet/limits.h"
#include "keys/device_key.h"

namespace dunlin::fleet {
namespace {

constexpr std::string_view kMark = "{device}";

std::string path_for(std::string pattern, const std::string& device) {
  if (const std::size_t at = pattern.find(kMark); at != std::string::npos)
    pattern.replace(at, kMark.size(), device);
  return pattern;
}

Result<std::string> read_named(Fs& fs, const std::string& path) {
  auto text = read_file(fs, path, kMaxCredentialBytes);
  if (!text) return fail(text.error().code, path + ": " + text.error().message);
  return text;
}

class Files {
 public:
  Files(ConnectConfig connect, Fs& fs) : connect_(std::move(connect)), fs_(fs) {}

  Result<Credentials> of(const std::string& device) {
    Credentials made;
    if (!connect_.token_file.empty()) {
      DUNLIN_TRY(std::string token, read_named(fs_, path_for(connect_.token_file, device)));
      while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
      // A token of its own belongs to the thing of that name; one for all says itself whose it is.
      if (connect_.token_file.contains(kMark)) made.username = device;
      made.password = std::move(token);
    }
    if (connect_.ca_file.empty()) return made;
    DUNLIN_TRY(made.tls, context(device));
    return made;
  }

 private:
  Result<std::shared_ptr<net::TlsClientContext>> context(const std::string& device) {
    const std::string certificate = path_for(connect_.certificate_file, device);
    if (const auto found = contexts_.find(certificate); found != contexts_.end()) return found->second;
    net::TlsClientOptions options;
    DUNLIN_TRY(options.trusted_ca_pem, read_named(fs_, connect_.ca_file));
    if (!certificate.empty()) {
      DUNLIN_TRY(options.certificate_chain_pem, read_named(fs_, certificate));
      DUNLIN_TRY(options.private_key_pem, keys::read_key_text(fs_, path_for(connect_.key_file, device)));
    }
    DUNLIN_TRY(auto context, net::make_tls_client_context(options));
    contexts_.emplace(certificate, context);
    return context;
  }

  ConnectConfig connect_;
  Fs& fs_;
  std::map<std::string, std::shared_ptr<net::TlsClientContext>> contexts_;  // by certificate
};

}  // namespace

CredentialSource file_credentials(const ConnectConfig& connect, Fs& fs) {
  // Shared: by the copies of the function.
  return
      [files = std::make_shared<Files>(connect, fs)](const std::string& device) { return files->of(device); };
}

}  // namespace dunlin::fleet
