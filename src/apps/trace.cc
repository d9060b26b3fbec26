#include <boost/json.hpp>
#include <cstdio>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::apps {
namespace {

using Go = ApiClient::Go;

std::string member(const boost::json::object& event, std::string_view name) {
  const auto* value = event.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? std::string(value->get_string()) : model::json_text(*value);
}

/// "12:00:01.250  delivered     press-01  plant/1/temperature  qos 1, 42 bytes, from mixer-02".
std::string line_of(const boost::json::object& event) {
  const std::string at = member(event, "at");
  std::string line = at.size() > 23 ? at.substr(11, 12) : at;
  std::string kind = member(event, "event");
  kind.resize(std::max<std::size_t>(kind.size(), 17), ' ');
  line += "  " + kind;
  const auto add = [&line](std::string_view before, const std::string& text) {
    if (!text.empty()) line += "  " + std::string(before) + text;
  };
  add("", member(event, "client"));
  add("", member(event, "topic"));
  add("qos ", member(event, "qos"));
  if (event.contains("bytes")) line += "  " + member(event, "bytes") + " bytes";
  if (event.contains("sessions")) line += "  to " + member(event, "sessions") + " session(s)";
  if (member(event, "publisher") != member(event, "client")) add("from ", member(event, "publisher"));
  add("", member(event, "detail"));
  add("", member(event, "payload"));
  add("base64 ", member(event, "payload_base64"));
  return line;
}

class Printer {
 public:
  explicit Printer(CallTarget::Output output) : output_(output) {}

  Go take(std::string_view text) {
    boost::system::error_code error;
    const boost::json::value message = boost::json::parse(text, error);
    if (error || !message.is_object()) return Go::on;
    const auto& object = message.get_object();
    const std::string type = member(object, "type");
    if (type == "trace_events") show(object);
    if (type == "error") return refuse(member(object, "message"));
    if (type != "trace") return Go::on;
    const std::string state = member(object, "state");
    if (state == "refused") return refuse(member(object, "message"));
    if (state != "running") return Go::done;
    std::fprintf(stderr, "tracing for %s s; end it with Ctrl+C\n", member(object, "seconds").c_str());
    return Go::on;
  }
  const std::string& refusal() const { return refusal_; }

 private:
  Go refuse(std::string why) {
    refusal_ = std::move(why);
    return Go::done;
  }
  void show(const boost::json::object& batch) const {
    const auto* events = batch.if_contains("events");
    if (events != nullptr && events->is_array()) {
      for (const auto& event : events->get_array()) {
        if (!event.is_object()) continue;
        const std::string line =
            output_ == CallTarget::Output::json ? model::json_text(event) : line_of(event.get_object());
        std::printf("%s\n", line.c_str());
      }
    }
    std::fflush(stdout);
    if (const auto dropped = model::optional_integer(batch, "dropped"); dropped && *dropped > 0)
      std::fprintf(stderr, "(%lld more events than the rate allows)\n", static_cast<long long>(*dropped));
  }

  CallTarget::Output output_;
  std::string refusal_;
};

}  // namespace

int run_trace(const TraceCommand& command) {
  const auto fs = make_system_fs();
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  boost::json::object wanted{{"topic", command.topic},
                             {"client", command.client},
                             {"seconds", command.seconds},
                             {"payload", command.payload == TraceCommand::Payload::show}};
  const std::string request = boost::json::serialize(boost::json::object{{"trace", std::move(wanted)}});
  Printer printer(command.target.output);
  const auto watched =
      (*client)->watch(request, [&printer](std::string_view text) { return printer.take(text); });
  if (!watched) return report(watched.error());
  if (!printer.refusal().empty()) return report(Error{Errc::invalid_argument, printer.refusal()});
  return 0;
}

}  // namespace dunlin::apps
