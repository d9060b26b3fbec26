// dunlin doctor: what is weak in how a server is set up, whether it runs or not.

#include "platform/doctor.h"

#include <boost/json.hpp>
#include <cstdio>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "apps/render.h"
#include "apps/server_command.h"
#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::apps {
namespace {

using platform::Finding;
using platform::Findings;

/// What is examined where the configuration cannot be read: the folder alone.
platform::ServerConfig folder_only(const DoctorCommand& command) {
  platform::ServerConfig config;
  if (!command.source.data_folder.empty()) config.data_folder = command.source.data_folder;
  for (std::string* listener : {&config.listen_mqtts, &config.listen_https}) listener->clear();
  return config;
}

Result<boost::json::object> ask_server(const std::string& folder, Fs& fs) {
  CallTarget target;
  target.data_folder = folder;
  DUNLIN_TRY(const auto client, ApiClient::open(target, fs));
  DUNLIN_TRY(boost::json::value answer, client->call(platform::doctor_operations().front(), {}));
  if (!answer.is_object()) return fail(Errc::malformed, "the server's answer is no list of findings");
  return std::move(answer.as_object());
}

/// The running server's own view, or else the folder's.
Result<boost::json::object> examine(const platform::ServerConfig& config, const Findings& known, Fs& fs) {
  auto found = platform::examine_stopped(config, fs, SystemClock());
  if (!found && found.error().code == Errc::conflict) {
    DUNLIN_TRY(boost::json::object answer, ask_server(config.data_folder, fs));
    return answer;
  }
  if (!found) return std::unexpected(found.error());
  found->insert(found->begin(), known.begin(), known.end());
  return platform::to_json(*found);
}

}  // namespace

int run_doctor(const DoctorCommand& command) {
  const auto fs = make_system_fs();
  Findings known;
  auto config = read_server_config(command.source, *fs, platform::BusyPort::is_error);
  if (!config) {
    known.push_back({Finding::Severity::error, "configuration", config.error().message,
                     "a server with this configuration does not start",
                     "dunlin check-config, until it says that all is right"});
    config = folder_only(command);
  }
  const auto answer = examine(*config, known, *fs);
  if (!answer) return report(answer.error());
  if (command.output == CallTarget::Output::json) {
    std::printf("%s\n", model::json_text(*answer).c_str());
  } else {
    const bool notes = command.show != DoctorCommand::Show::what_is_wrong;
    std::fputs(render_findings(*answer, notes ? Notes::shown : Notes::hidden).c_str(), stdout);
  }
  const auto bad = [&](std::string_view name) {
    return model::optional_integer(*answer, name).value_or(0) > 0;
  };
  return bad("errors") || bad("warnings") ? 1 : 0;
}

}  // namespace dunlin::apps
