#include "transport/bridge/probe.h"

#include <boost/json.hpp>
#include <utility>

#include "transport/bridge/limits.h"

namespace dunlin::bridge {
namespace {

/// Keeps itself alive until it has answered.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  using Done = std::move_only_function<void(boost::json::object)>;

  Probe(const BridgeEnvironment& environment, const BridgeSettings& settings, Source source, std::string node,
        Done done)
      : environment_(environment),
        settings_(settings),
        rules_(topic_rules(settings_).value()),
        source_(source),
        node_(std::move(node)),
        done_(std::move(done)) {}

  void begin() {
    timer_ = environment_.executor.schedule(kProbeDeadline, [self = weak_from_this()] {
      const auto here = self.lock();
      if (!here) return;
      here->timer_ = {};
      here->step(here->waiting_for_, Outcome::bad, "no answer within 20 s");
      here->end();
    });
    environment_.workers.run([self = shared_from_this(), &executor = environment_.executor]() mutable {
      auto loaded = load_credentials(self->environment_.files, self->settings_, self->source_,
                                     self->environment_.secrets_folder);
      executor.post([self = std::move(self), loaded = std::move(loaded)]() mutable {
        self->loaded(std::move(loaded));
      });
    });
  }

 private:
  enum class Outcome : std::uint8_t { good, bad };

  void step(std::string_view name, Outcome outcome, std::string_view detail) {
    if (outcome == Outcome::bad) ok_ = false;
    steps_.push_back(
        boost::json::object{{"step", name}, {"ok", outcome == Outcome::good}, {"detail", detail}});
  }

  void loaded(Result<Credentials> credentials) {
    if (!credentials) {
      step("files", Outcome::bad, credentials.error().message);
      return end();
    }
    step("files", Outcome::good, "the named files can be read");
    waiting_for_ = "connection";
    transport::ClientOptions options = client_options(environment_, settings_, *credentials, node_);
    options.client_id += "-test";
    options.start = transport::ClientOptions::Start::clean;
    // Where a fallback is possible, one attempt is made with each way of greeting.
    attempts_ = 1 + options.fallbacks.size();
    options.dial = [dial = std::move(options.dial), self = weak_from_this()](Executor& executor,
                                                                             net::ConnectHandler done) {
      dial(executor, [self, done = std::move(done)](Result<std::unique_ptr<net::Connection>> opened) mutable {
        if (const auto here = self.lock()) here->dialled(opened);
        done(std::move(opened));
      });
    };
    client_ = std::make_unique<transport::MqttClient>(environment_.network, environment_.executor,
                                                      environment_.rng, std::move(options));
    client_->on_state(
        [this](transport::ClientState state, std::string_view reason) { changed(state, reason); });
    running_ = shared_from_this();
    client_->start();
  }

  void dialled(const Result<std::unique_ptr<net::Connection>>& opened) {
    if (!opened) return;  // changed() tells
    if (std::exchange(waiting_for_, "MQTT") != "connection") return;
    const net::PeerInfo& peer = (*opened)->peer();
    std::string detail = "connected to " + peer.address.to_string();
    if (!peer.tls_version.empty()) detail += " with " + peer.tls_version + "; its certificate is trusted";
    step("connection", Outcome::good, detail);
  }

  void changed(transport::ClientState state, std::string_view reason) {
    if (over_) return;
    if (state == transport::ClientState::online) {
      const bool five = client_->version() == mqtt::ProtocolVersion::v5;
      step("MQTT", Outcome::good,
           five ? "the peer accepts us and speaks MQTT 5" : "the peer accepts us and speaks MQTT 3.1.1");
      return environment_.executor.post([self = shared_from_this()] { self->subscribe(); });
    }
    if (state != transport::ClientState::offline) return;
    if (waiting_for_ == "MQTT" && --attempts_ > 0) return;  // the client goes on with the next
    step(waiting_for_, Outcome::bad, reason);
    environment_.executor.post([self = shared_from_this()] { self->end(); });
  }

  void subscribe() {
    waiting_for_ = "subscriptions";
    for (const TopicRule& rule : rules_) {
      if (rule.goes_out()) ++outgoing_;
      if (!rule.comes_in()) continue;
      ++open_;
    }
    for (const TopicRule& rule : rules_) {
      if (!rule.comes_in()) continue;
      const std::string filter = rule.remote_filter();
      client_->subscribe(filter, {.qos = rule.qos}, [this, filter](Result<void> result) {
        if (over_) return;
        step("subscribe " + filter, result ? Outcome::good : Outcome::bad,
             result ? "the peer sends us these topics" : result.error().message);
        if (--open_ == 0) environment_.executor.post([self = shared_from_this()] { self->finished(); });
      });
    }
    if (open_ == 0) finished();
  }

  void finished() {
    if (over_) return;
    if (outgoing_ > 0)
      step("publish", Outcome::good,
           "not tried, since others would see it: look at refused in \"dunlin bridge show\" once it runs");
    end();
  }

  void end() {
    if (std::exchange(over_, true)) return;
    if (client_) client_->stop();
    done_(boost::json::object{{"bridge", settings_.name}, {"ok", ok_}, {"steps", std::move(steps_)}});
    // Later: the goodbye is still on its way, and the caller may be a callback of the client.
    environment_.executor.cancel(std::exchange(timer_, TimerId{}));
    environment_.executor.schedule(kRetryInterval, [self = shared_from_this()] { self->running_.reset(); });
  }

  BridgeEnvironment environment_;
  BridgeSettings settings_;
  std::vector<TopicRule> rules_;
  Source source_;
  std::string node_;
  Done done_;
  std::unique_ptr<transport::MqttClient> client_;
  std::shared_ptr<Probe> running_;
  std::string waiting_for_ = "files";
  std::size_t attempts_ = 1;
  std::size_t open_ = 0;
  std::size_t outgoing_ = 0;
  bool over_ = false;
  bool ok_ = true;
  boost::json::array steps_;
  TimerId timer_;
};

}  // namespace

void probe(const BridgeEnvironment& environment, const BridgeSettings& settings, Source source,
           const std::string& node, std::move_only_function<void(boost::json::object)> done) {
  std::make_shared<Probe>(environment, settings, source, node, std::move(done))->begin();
}

}  // namespace dunlin::bridge
