// dunlin doctor: what is weak in how a server is set up, whether it runs or not.

#include "platform/doctor.h"

#include <boost/json.hpp>
#include <cstdio>

#include "apps/api_client.h"
#include "apps/configuration.h"
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

/// Without line breaks and what else a terminal would act on.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

void print(const boost::json::object& answer, DoctorCommand::Show show) {
  const auto number = [&](std::string_view name) {
    return static_cast<long long>(model::optional_integer(answer, name).value_or(0));
  };
  if (const auto* list = answer.if_contains("findings"); list != nullptr && list->is_array()) {
    for (const auto& one : list->get_array()) {
      const auto* finding = one.if_object();
      if (finding == nullptr) continue;
      const auto text = [&](std::string_view name) {
        return one_line(model::optional_text(*finding, name).value_or(""));
      };
      if (text("severity") == "note" && show == DoctorCommand::Show::what_is_wrong) continue;
      std::printf("%s %s: %s; %s. Mend: %s\n", text("severity").c_str(), text("id").c_str(),
                  text("what").c_str(), text("why").c_str(), text("mend").c_str());
    }
  }
  if (number("errors") + number("warnings") == 0) {
    std::printf("nothing found");
  } else {
    std::printf("%lld errors, %lld warnings", number("errors"), number("warnings"));
  }
  const bool hidden = show == DoctorCommand::Show::what_is_wrong && number("notes") > 0;
  std::printf(hidden ? "; %lld notes, which --all shows\n" : "\n", number("notes"));
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
    print(*answer, command.show);
  }
  const auto bad = [&](std::string_view name) {
    return model::optional_integer(*answer, name).value_or(0) > 0;
  };
  return bad("errors") || bad("warnings") ? 1 : 0;
}

}  // namespace dunlin::apps
