#include "platform/sys_topics.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>

namespace dunlin::platform {
namespace {

constexpr std::string_view kRoot = "$SYS/broker/";
constexpr std::array<std::pair<std::string_view, double>, 3> kAverages{
    {{"1min", 60.0}, {"5min", 300.0}, {"15min", 900.0}}};

}  // namespace

SysTopics::SysTopics(Parts parts)
    : parts_(std::move(parts)), principal_(in_tenant(make_service_principal("sys"), parts_.tenant)) {
  for (const std::string_view name :
       {"messages/received", "messages/sent", "publish/received", "publish/sent", "publish/dropped",
        "bytes/received", "bytes/sent", "sockets", "connections"}) {
    loads_.push_back({name});
  }
}

void SysTopics::start() {
  if (parts_.interval <= Duration::zero()) return;
  started_ = published_ = parts_.executor.now();
  publish("version", "dunlin version " + parts_.version);
  publish_all();
}

void SysTopics::publish_all() {
  const Instant now = parts_.executor.now();
  const double seconds = std::chrono::duration<double>(now - published_).count();
  published_ = now;
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_).count();
  publish("uptime", std::to_string(uptime) + " seconds");
  publish_counts();
  publish_traffic();
  publish_loads(seconds);
  parts_.executor.schedule(parts_.interval, [this] { publish_all(); });
}

void SysTopics::publish_counts() {
  const metrics::Registry& from = parts_.metrics;
  const double total = from.value("dunlin_hub_sessions");
  const double connected = from.value("dunlin_hub_sessions_online");
  most_clients_ = std::max(most_clients_, static_cast<std::int64_t>(connected));
  publish("clients/total", total);
  publish("clients/connected", connected);
  publish("clients/disconnected", std::max(0.0, total - connected));
  publish("clients/maximum", static_cast<double>(most_clients_));
  publish("clients/expired", from.value("dunlin_hub_sessions_ended_total", {{"reason", "expired"}}));
  publish("subscriptions/count", from.value("dunlin_hub_subscriptions"));
  publish("shared_subscriptions/count", from.value("dunlin_hub_shared_subscriptions"));
  const double retained = from.value("dunlin_hub_retained");
  publish("retained messages/count", retained);
  publish("messages/stored", retained);
  publish("store/messages/count", retained);
  const auto heap = static_cast<std::int64_t>(mallinfo2().uordblks);
  most_heap_ = std::max(most_heap_, heap);
  publish("heap/current", static_cast<double>(heap));
  publish("heap/maximum", static_cast<double>(most_heap_));
  publish("memory/resident", from.value("dunlin_memory_resident_bytes"));
  publish("memory/level", from.value("dunlin_memory_level"));
}

double SysTopics::load_value(std::string_view name) const {
  const metrics::Registry& from = parts_.metrics;
  const double publishes_sent = from.value("dunlin_mqtt_messages_sent_total");
  const double publish_bytes_sent = from.value("dunlin_mqtt_sent_bytes_total");
  if (name == "messages/received") return from.value("dunlin_mqtt_packets_received_total");
  if (name == "messages/sent") return publishes_sent + from.value("dunlin_mqtt_control_packets_sent_total");
  if (name == "publish/received") return from.value("dunlin_mqtt_messages_received_total");
  if (name == "publish/sent") return publishes_sent;
  if (name == "publish/dropped")
    return from.value("dunlin_hub_dropped_total") + from.value("dunlin_mqtt_dropped_total");
  if (name == "bytes/received") return from.value("dunlin_mqtt_received_bytes_total");
  if (name == "bytes/sent") return publish_bytes_sent + from.value("dunlin_mqtt_control_bytes_sent_total");
  if (name == "sockets") return from.value("dunlin_mqtt_accepted_total");
  return from.value("dunlin_mqtt_sessions_opened_total");
}

void SysTopics::publish_traffic() {
  publish("messages/received", load_value("messages/received"));
  publish("messages/sent", load_value("messages/sent"));
  publish("publish/messages/received", load_value("publish/received"));
  publish("publish/messages/sent", load_value("publish/sent"));
  publish("publish/messages/dropped", load_value("publish/dropped"));
  publish("publish/bytes/received", parts_.metrics.value("dunlin_mqtt_received_publish_bytes_total"));
  publish("publish/bytes/sent", parts_.metrics.value("dunlin_mqtt_sent_bytes_total"));
  publish("bytes/received", load_value("bytes/received"));
  publish("bytes/sent", load_value("bytes/sent"));
}

void SysTopics::publish_loads(double seconds) {
  for (Load& load : loads_) {
    const double value = load_value(load.name);
    const double per_minute = seconds > 0 ? (value - std::exchange(load.last, value)) * 60.0 / seconds : 0.0;
    for (std::size_t i = 0; i < kAverages.size(); ++i) {
      const auto& [name, window] = kAverages[i];
      load.averages[i] += (per_minute - load.averages[i]) * (1.0 - std::exp(-seconds / window));
      publish(fmt::format("load/{}/{}", load.name, name), fmt::format("{:.2f}", load.averages[i]));
    }
  }
}

void SysTopics::publish(std::string_view name, std::string value) {
  std::string topic = std::string(kRoot).append(name);
  std::string& last = sent_[topic];
  if (last == value) return;
  last = std::move(value);
  hub::Message message;
  message.topic = Slice::copy_of(topic);
  message.payload = Slice::copy_of(last);
  message.retain = hub::Message::Retain::yes;
  message.principal = principal_;
  parts_.bus.publish(parts_.executor, std::move(message), {});
}

}  // namespace dunlin::platform
