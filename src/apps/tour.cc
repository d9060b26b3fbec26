#include "apps/tour.h"

#include <array>
#include <boost/json.hpp>

#include "base/base64.h"
#include "base/rng.h"
#include "platform/status.h"
#include "security/crypto.h"

namespace dunlin::apps {
namespace {

constexpr std::string_view kRule = R"({
  "rule": "machine-cooled-down",
  "description": "A press that falls below 40 has stopped or lost its heating.",
  "sql": "SELECT * FROM 'demo/+/machine/+/temperature' WHERE value < 40",
  "actions": [{"alarm": {"name": "machine-cooled-down", "severity": "critical",
                         "message": "The temperature fell to ${value}", "clear_when": "value >= 50"}}]
})";

Result<boost::json::value> call(ApiClient& client, std::string_view name, const boost::json::object& fields) {
  for (const model::OperationSpec& operation : platform::all_operations()) {
    if (operation.name == name) return client.call(operation, fields);
  }
  return fail(Errc::internal, "there is no operation " + std::string(name));
}

Result<void> write_member(Fs& fs, const boost::json::object& answer, std::string_view member,
                          const std::string& path) {
  const auto* text = answer.if_contains(member);
  if (text == nullptr || !text->is_string())
    return fail(Errc::malformed, "the server's answer has no " + std::string(member));
  return write_file_atomically(fs, path, as_bytes(std::string_view(text->get_string())));
}

Result<void> issue_certificate(ApiClient& client, Fs& fs, const std::string& folder) {
  DUNLIN_TRY(const auto answer, call(client, "cert.issue", {{"thing", kTourGateway}}));
  if (!answer.is_object()) return fail(Errc::malformed, "the server's answer is no object");
  const auto& members = answer.get_object();
  DUNLIN_CHECK(write_member(fs, members, "private_key", folder + "/key.pem"));
  DUNLIN_CHECK(write_member(fs, members, "ca", folder + "/ca.pem"));
  // Last: its presence says that the others are there.
  return write_member(fs, members, "certificate", folder + "/certificate.pem");
}

}  // namespace

Result<void> prepare_tour(ApiClient& client, Fs& fs, const std::string& folder) {
  DUNLIN_CHECK(fs.create_folders(folder));
  if (!call(client, "thing.get", {{"thing", kTourGateway}})) {
    DUNLIN_CHECK(call(client, "thing.create",
                      {{"name", kTourGateway},
                       {"type", "gateway"},
                       {"attributes", {{"project", "demo"}, {"site", "plant1"}}}}));
    DUNLIN_CHECK(call(client, "rule.put", boost::json::parse(kRule).get_object()));
  }
  if (fs.exists(folder + "/certificate.pem")) return {};
  return issue_certificate(client, fs, folder);
}

std::map<std::string, std::string> make_tokens(const fleet::SiteConfig& site) {
  SystemRng rng;
  std::map<std::string, std::string> tokens;
  for (const fleet::DeviceConfig& device : site.devices) {
    std::array<std::uint8_t, 32> secret{};
    rng.fill(secret);
    tokens[device.name] = to_base64url(secret);
  }
  return tokens;
}

edge::GatewayConfig tour_gateway(const std::string& folder, const std::string& mqtts,
                                 const std::map<std::string, std::string>& tokens) {
  edge::GatewayConfig config;
  config.name = kTourGateway;
  config.data_folder = folder;
  config.uplink_endpoint = mqtts;
  config.uplink_server_name = "localhost";
  config.uplink_ca_file = folder + "/ca.pem";
  config.uplink_certificate_file = folder + "/certificate.pem";
  config.uplink_key_file = folder + "/key.pem";
  config.listen_mqtt = "127.0.0.1:0";
  for (const auto& [name, token] : tokens)
    config.devices.push_back({name, security::sha256_hex(as_bytes(token)), {}});
  return config;
}

}  // namespace dunlin::apps
