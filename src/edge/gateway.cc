// Gateway: what it is made of, and how it is asked.

#include "edge/gateway.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "edge/gateway_parts.h"
#include "edge/limits.h"
#include "edge/service_topics.h"

namespace dunlin::edge {
namespace {

std::vector<std::string> forwarded_filters(const GatewayConfig& config) {
  std::vector<std::string> filters = config.forward_filters;
  filters.insert(filters.end(), kServiceFilters.begin(), kServiceFilters.end());
  return filters;
}

/// QoS 0 readings that go up or into a summary are kept as well.
std::vector<std::string> durable_filters(const GatewayConfig& config) {
  std::vector<std::string> filters;
  if (!config.uplink_endpoint.empty()) filters = forwarded_filters(config);
  for (const forward::AggregateRule& rule : config.aggregates) filters.push_back(rule.filter);
  return filters;
}

hub::HubEnvironment hub_environment(const GatewayEnvironment& environment, const GatewayConfig& config,
                                    store::Log& log) {
  return {.shards = {{environment.executor, &log}},
          .keyed = &environment.keyed,
          .metrics = environment.metrics,
          .rng = environment.rng,
          .durable_filters = durable_filters(config)};
}

}  // namespace

store::LogOptions log_options(const GatewayConfig& config) {
  store::LogOptions options;
  options.folder = config.data_folder + "/journal/0";
  options.segment_bytes = std::clamp(config.max_bytes / 16, kMinSegmentBytes, kMaxSegmentBytes);
  options.max_bytes = config.max_bytes;
  // The oldest are dropped when the bound is passed, which takes a moment: new ones need room meanwhile.
  if (config.drop == "oldest") options.max_bytes += std::max(config.max_bytes / 4, 4 * options.segment_bytes);
  return options;
}

Result<std::unique_ptr<Gateway>> Gateway::open(GatewayEnvironment environment, GatewayConfig config) {
  DUNLIN_CHECK(check(config));
  const store::LogOptions options = log_options(config);
  DUNLIN_CHECK(environment.fs.create_folders(options.folder));
  DUNLIN_TRY(std::unique_ptr<store::Log> log,
             store::open_log({environment.fs, environment.executor, environment.workers, environment.metrics,
                              environment.broken},
                             options));
  // A consumer that is gone with a changed configuration must not hold the journal.
  if (config.aggregates.empty()) log->remove_cursor(forward::kAggregatorName);
  if (config.uplink_endpoint.empty()) log->remove_cursor("forward");
  return std::make_unique<ComposedGateway>(std::move(environment), std::move(config), std::move(log));
}

ComposedGateway::ComposedGateway(GatewayEnvironment environment, GatewayConfig config,
                                 std::unique_ptr<store::Log> log)
    : environment_(std::move(environment)),
      config_(std::move(config)),
      access_(config_),
      mapping_(model::Mapping::standard()),
      aggregator_(config_.aggregates, mapping_),
      log_(std::move(log)),
      hub_(hub_environment(environment_, config_, *log_)),
      uplink_(config_.uplink_endpoint.empty()
                  ? nullptr
                  : std::make_unique<Uplink>(
                        UplinkEnvironment{environment_.network, environment_.executor, environment_.rng, hub_,
                                          environment_.metrics, environment_.uplink_tls},
                        config_)),
      alarms_(environment_.executor, hub_, environment_.keyed, environment_.metrics),
      rules_({environment_.executor, hub_, environment_.keyed, environment_.repository, alarms_,
              environment_.metrics}),
      children_(environment_.executor, hub_,
                uplink_ ? static_cast<forward::Upstream&>(*uplink_) : no_upstream_, environment_.metrics) {
  if (!config_.aggregates.empty()) {
    aggregation_.emplace(forward::AggregationEnvironment{environment_.executor, hub_, environment_.keyed,
                                                         aggregator_, environment_.metrics});
  }
  server_ = make_server();
  if (!uplink_) return;
  const store::LogOptions journal = log_options(config_);
  forward::ForwardOptions options;
  options.filters = forwarded_filters(config_);
  options.max_bytes = config_.max_bytes;
  options.segment_bytes = journal.segment_bytes;
  options.drop = config_.drop == "oldest" ? forward::DropPolicy::oldest : forward::DropPolicy::newest;
  forward_.emplace(forward::ForwardEnvironment{environment_.executor, hub_, *log_, environment_.keyed,
                                               *uplink_, aggregator_, mapping_, environment_.metrics},
                   std::move(options));
  forward_->on_dropped([this](const forward::Dropped& dropped) {
    if (dropped_.count == 0) dropped_.first = dropped.first;
    dropped_.count += dropped.count;
    dropped_.last = dropped.last;
    tell_dropped();
  });
  children_.on_new_child([this](const std::string& name) { uplink_->follow_child(name); });
  uplink_->on_state([this](Uplink::State state) { line_changed(state); });
}

ComposedGateway::~ComposedGateway() = default;

std::unique_ptr<transport::MqttServer> ComposedGateway::make_server() {
  transport::ServerEnvironment environment{
      .hub = hub_,
      .authenticate = [this](hub::Credentials credentials,
                             hub::Authenticated done) { done(access_.authenticate(credentials)); },
      .authorize = [this](const Principal& principal, hub::Action action,
                          std::string_view topic) { return access_.authorize(principal, action, topic); },
      .metrics = environment_.metrics,
      .rng = environment_.rng,
      .limits = {}};
  environment.limits.max_packet_bytes = kMaxLocalPacketBytes;
  return std::make_unique<transport::MqttServer>(std::move(environment));
}

void ComposedGateway::line_changed(Uplink::State state) {
  if (state == Uplink::State::down) {
    forward_->link_down();
    children_.link_down();
    return;
  }
  children_.link_up();
  forward_->link_up();
  tell_dropped();
}

/// The platform learns what the bound has cost: $dunlin/things/{gateway}/events/dropped.
void ComposedGateway::tell_dropped() {
  if (dropped_.count == 0 || telling_ == Telling::yes || uplink_->state() == Uplink::State::down) return;
  telling_ = Telling::yes;
  const forward::Dropped telling = std::exchange(dropped_, {});
  hub::Message message;
  message.topic = Slice::copy_of("$dunlin/things/" + config_.name + "/events/dropped");
  message.payload =
      Slice::copy_of(boost::json::serialize(boost::json::value{{"count", telling.count},
                                                               {"from", unix_milliseconds(telling.first)},
                                                               {"to", unix_milliseconds(telling.last)},
                                                               {"policy", config_.drop}}));
  message.qos = hub::QoS::at_least_once;
  uplink_->publish(std::move(message), [this, alive = std::weak_ptr<int>(alive_)](Result<void> result) {
    if (alive.expired()) return;
    telling_ = Telling::no;
    if (!result)
      log::refusal("edge", "the platform does not take the word of dropped messages", "platform",
                   {{"why", result.error().message}});
    tell_dropped();
  });
}

std::vector<net::Endpoint> ComposedGateway::listeners() const {
  std::vector<net::Endpoint> endpoints;
  for (const auto& listener : listeners_) endpoints.push_back(listener->local());
  return endpoints;
}

GatewayStatus ComposedGateway::status() const {
  GatewayStatus status;
  if (uplink_) {
    status.link = uplink_->state() == Uplink::State::up ? GatewayStatus::Link::up : GatewayStatus::Link::down;
    status.link_reason = uplink_->reason();
    status.link_since = uplink_->since();
    status.forward = forward_->status();
  } else {
    status.forward.journal_bytes = log_->size_bytes();
  }
  status.refused_newest =
      static_cast<std::uint64_t>(environment_.metrics.value("dunlin_hub_append_failures_total"));
  status.summaries = static_cast<std::uint64_t>(environment_.metrics.value("dunlin_forward_summaries_total"));
  status.children_online = children_.online_count();
  status.rules = rules_.size();
  return status;
}

boost::json::object to_json(const GatewayStatus& status) {
  constexpr std::array<std::string_view, 3> kLinks{"none", "down", "up"};
  return {{"link", kLinks[static_cast<std::size_t>(status.link)]},
          {"link_reason", status.link_reason},
          {"link_since", unix_milliseconds(status.link_since)},
          {"waiting_records", status.forward.waiting_records},
          {"journal_bytes", status.forward.journal_bytes},
          {"in_flight", status.forward.in_flight},
          {"acknowledged", status.forward.acknowledged},
          {"refused_by_platform", status.forward.refused},
          {"dropped_oldest", status.forward.dropped},
          {"refused_newest", status.refused_newest},
          {"summaries", status.summaries},
          {"children_online", status.children_online},
          {"rules", status.rules}};
}

}  // namespace dunlin::edge
