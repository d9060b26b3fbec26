#pragma once
// Gateway's implementation. Private to the room.

#include <memory>
#include <optional>
#include <vector>

#include "edge/gateway.h"
#include "edge/local_access.h"
#include "edge/uplink.h"
#include "hub/hub.h"
#include "service/alarm/alarm_service.h"
#include "service/forward/aggregation_service.h"
#include "service/forward/children.h"
#include "service/rules/rules_service.h"
#include "transport/mqtt/server.h"

namespace dunlin::edge {

/// Stands in where no platform is configured: nothing goes up.
class NoUpstream final : public forward::Upstream {
 public:
  void publish(hub::Message, hub::PublishDone done) override {
    if (done) done(fail(Errc::unavailable, "no uplink is configured"));
  }
};

class ComposedGateway final : public Gateway {
 public:
  ComposedGateway(GatewayEnvironment environment, GatewayConfig config, std::unique_ptr<store::Log> log);
  ~ComposedGateway() override;

  void start(Done done) override;
  void stop(Done done) override;
  std::vector<net::Endpoint> listeners() const override;
  GatewayStatus status() const override;

 private:
  using Step = void (ComposedGateway::*)(Done);
  void run_steps(std::size_t index, Done done);
  void start_hub(Done done);
  void start_alarms(Done done);
  void start_rules(Done done);
  void drop_old_rules(Done done);
  void put_rules(Done done);
  void put_rule(std::size_t index, Done done);
  void start_aggregation(Done done);
  void start_forward(Done done);
  void open_doors(Done done);

  std::unique_ptr<transport::MqttServer> make_server();
  Result<void> listen(const std::string& endpoint, std::shared_ptr<net::TlsServerContext> tls);
  void line_changed(Uplink::State state);
  void tell_dropped();

  GatewayEnvironment environment_;
  GatewayConfig config_;
  LocalAccess access_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // shared: with completions that may come after the end
  model::Mapping mapping_;
  forward::Aggregator aggregator_;
  NoUpstream no_upstream_;
  std::unique_ptr<store::Log> log_;
  hub::Hub hub_;
  std::unique_ptr<Uplink> uplink_;  // null: none configured
  alarm::AlarmService alarms_;
  rules::RulesService rules_;
  forward::Children children_;
  std::optional<forward::AggregationService> aggregation_;  // none where nothing is summed up
  std::optional<forward::ForwardQueue> forward_;            // none without an uplink
  std::unique_ptr<transport::MqttServer> server_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  forward::Dropped dropped_;  // that the platform was not told of yet
  enum class Telling : std::uint8_t { no, yes } telling_ = Telling::no;
};

/// What the journal is opened with.
store::LogOptions log_options(const GatewayConfig& config);

}  // namespace dunlin::edge
