#include <sys/resource.h>

#include <algorithm>
#include <boost/json.hpp>

#include "load/storm_process.h"

namespace dunlin::load {
namespace {

// Beside the connections: those of the live traffic, the reactors' own, files.
constexpr std::size_t kOtherFiles = 256;

Result<StormDevice> device_of(std::string_view line, const std::string& ca_pem) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  const boost::json::object* object = error ? nullptr : value.if_object();
  const auto text = [&](std::string_view name) -> std::string {
    const boost::json::value* found = object == nullptr ? nullptr : object->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
  };
  StormDevice device{text("name"), nullptr};
  const net::TlsClientOptions tls{.trusted_ca_pem = ca_pem,
                                  .certificate_chain_pem = text("certificate"),
                                  .private_key_pem = text("private_key"),
                                  .clock = nullptr};
  if (device.name.empty() || tls.certificate_chain_pem.empty() || tls.private_key_pem.empty())
    return fail(Errc::malformed, "no object with name, certificate and private_key");
  DUNLIN_TRY(device.tls, net::make_tls_client_context(tls));
  return device;
}

}  // namespace

Result<std::vector<StormDevice>> read_devices(std::string_view lines, const std::string& ca_pem) {
  std::vector<StormDevice> devices;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.empty()) continue;
    if (devices.size() == kMaxConnections)
      return fail(Errc::limit_exceeded, "more than " + std::to_string(kMaxConnections) + " devices");
    auto device = device_of(line, ca_pem);
    if (!device)
      return fail(device.error().code, "line " + std::to_string(number) + ": " + device.error().message);
    devices.push_back(*std::move(device));
  }
  if (devices.empty()) return fail(Errc::malformed, "there is no device in it");
  return devices;
}

Result<void> allow_open_files(std::size_t connections) {
  const rlim_t wanted = connections + kOtherFiles;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};  // the connects will tell
  if (limit.rlim_cur >= wanted) return {};
  if (limit.rlim_max < wanted) {
    return fail(Errc::limit_exceeded,
                std::to_string(connections) + " connections need " + std::to_string(wanted) +
                    " open files, and this process may have " + std::to_string(limit.rlim_max) +
                    ": raise the limit (ulimit -Hn, LimitNOFILE) or take fewer devices");
  }
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return fail(Errc::limit_exceeded, "the limit of open files cannot be raised to " + std::to_string(wanted));
}

}  // namespace dunlin::load
