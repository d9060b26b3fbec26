#include "transport/bridge/bridge.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "hub/topic.h"
#include "transport/bridge/limits.h"
#include "transport/bridge/origin.h"
#include "transport/mqtt/server_address.h"

namespace dunlin::bridge {
namespace {

constexpr Duration kGoodbyeDeadline = std::chrono::seconds{1};

metrics::Labels labels(const std::string& bridge) {
  return {{"bridge", bridge}};
}

PrincipalRef make_principal(const std::string& bridge) {
  auto principal = std::make_shared<Principal>(*make_service_principal(principal_name(bridge)));
  principal->client_id = principal->name;
  return principal;
}

OutOptions out_options(const BridgeSettings& settings, const std::vector<TopicRule>& rules,
                       const std::string& node) {
  return {settings.name, node, rules, settings.max_queue_bytes,
          settings.full == "hold" ? Full::hold : Full::drop_oldest};
}

std::uint32_t seconds_of(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

void set_dialects(transport::ClientOptions& options, const std::string& version) {
  using transport::Dialect;
  const Dialect marked{mqtt::ProtocolVersion::v3_1_1, Dialect::Mark::bridge};
  const Dialect plain{mqtt::ProtocolVersion::v3_1_1, Dialect::Mark::none};
  if (version == "5") return;
  if (version == "auto") {
    options.fallbacks = {marked, plain};
    return;
  }
  options.version = marked.version;
  options.mark = marked.mark;
  options.fallbacks = {plain};
}

}  // namespace

std::string_view state_name(Bridge::State state) {
  switch (state) {
    case Bridge::State::starting:
      return "starting";
    case Bridge::State::connecting:
      return "connecting";
    case Bridge::State::connected:
      return "connected";
    case Bridge::State::disconnected:
      return "disconnected";
  }
  return "unknown";
}

transport::ClientOptions client_options(const BridgeEnvironment& environment, const BridgeSettings& settings,
                                        const Credentials& credentials, const std::string& node) {
  transport::DialOptions dial;
  dial.address = transport::parse_server_address(settings.address).value();  // check() has seen it
  dial.tls = credentials.tls;
  dial.server_name = settings.server_name.empty() ? dial.address.endpoint.host : settings.server_name;
  dial.deadline = settings.connect_timeout;
  transport::ClientOptions options;
  options.unsupported = transport::ClientOptions::Unsupported::lower;
  options.dial = [&network = environment.network, &rng = environment.rng, dial](Executor& executor,
                                                                                net::ConnectHandler done) {
    transport::dial(network, executor, rng, dial, std::move(done));
  };
  set_dialects(options, settings.version);
  options.client_id =
      settings.client_id.empty() ? "dunlin-" + node + "-" + settings.name : settings.client_id;
  using Start = transport::ClientOptions::Start;
  options.start = settings.clean_start ? Start::clean : Start::resume;
  options.session_expiry_seconds = seconds_of(settings.session_expiry);
  options.keep_alive_seconds = static_cast<std::uint16_t>(seconds_of(settings.keep_alive));
  if (!settings.username.empty()) options.username = settings.username;
  options.password = credentials.password;
  options.least_backoff = settings.least_backoff;
  options.most_backoff = settings.most_backoff;
  options.answer_deadline = settings.connect_timeout;
  options.max_in_flight = kMaxInFlight;
  return options;
}

Bridge::Bridge(BridgeEnvironment environment, BridgeSettings settings, Source source, std::string node)
    : environment_(std::move(environment)),
      settings_(std::move(settings)),
      rules_(topic_rules(settings_).value()),
      source_(source),
      node_(std::move(node)),
      self_(make_principal(settings_.name)),
      out_({environment_.executor, environment_.hub, environment_.keyed, environment_.metrics},
           out_options(settings_, rules_, node_)),
      local_(environment_.hub, environment_.executor, self_, self_->client_id),
      since_(environment_.executor.wall_now()),
      up_(environment_.metrics.gauge("dunlin_bridge_connected", "1 while the bridge is connected",
                                     labels(settings_.name))),
      connections_(environment_.metrics.counter("dunlin_bridge_connections_total", "Connections to the peer",
                                                labels(settings_.name))),
      received_(environment_.metrics.counter("dunlin_bridge_in_total", "Messages from the peer",
                                             labels(settings_.name))),
      stored_(environment_.metrics.counter("dunlin_bridge_in_published_total",
                                           "Messages from the peer that were published here",
                                           labels(settings_.name))),
      refused_(environment_.metrics.counter("dunlin_bridge_in_refused_total",
                                            "Messages from the peer whose topic no rule of the bridge allows",
                                            labels(settings_.name))),
      loops_(environment_.metrics.counter(
          "dunlin_bridge_in_loops_total",
          "Messages from the peer that had been here before or had passed too many servers",
          labels(settings_.name))),
      not_stored_(environment_.metrics.counter("dunlin_bridge_in_retried_total",
                                               "Tries to publish here that the hub did not take",
                                               labels(settings_.name))) {
  local_.on_flow([this](LocalSession::Flow wish) { flow(wish); });
}

Bridge::~Bridge() {
  environment_.executor.cancel(retry_timer_);
  environment_.executor.cancel(load_timer_);
  environment_.executor.cancel(end_timer_);
}

void Bridge::start() {
  life_ = Life::running;
  out_.start([this, alive = std::weak_ptr<int>(alive_)](Result<void> started) {
    if (alive.expired() || life_ != Life::running) return;
    if (started) return load();
    last_error_ = started.error().message;
    log::error("transport/bridge", "a bridge cannot start",
               {{"bridge", settings_.name}, {"why", last_error_}});
    set_state(State::disconnected);
  });
}

void Bridge::load() {
  environment_.workers.run([this, alive = std::weak_ptr<int>(alive_), &executor = environment_.executor,
                            files = environment_.files, settings = settings_, source = source_,
                            folder = environment_.secrets_folder] {
    auto credentials = load_credentials(files, settings, source, folder);
    executor.post([this, alive, credentials = std::move(credentials)]() mutable {
      if (alive.expired() || life_ != Life::running) return;
      if (credentials) return open_line(*std::move(credentials));
      last_error_ = credentials.error().message;
      log::refusal("transport/bridge", "a bridge cannot read its files; trying again", settings_.name,
                   {{"why", last_error_}});
      set_state(State::disconnected);
      load_timer_ = environment_.executor.schedule(settings_.most_backoff, [this] {
        load_timer_ = {};
        load();
      });
    });
  });
}

void Bridge::open_line(Credentials credentials) {
  transport::ClientOptions options = client_options(environment_, settings_, credentials, node_);
  options.exchanges = &out_;
  client_ = std::make_unique<transport::MqttClient>(environment_.network, environment_.executor,
                                                    environment_.rng, std::move(options));
  client_->on_state(
      [this](transport::ClientState state, std::string_view reason) { changed(state, reason); });
  client_->on_session([this](hub::Present present) {
    // Its packet ids begin anew, and must not be taken for those of before.
    if (present == hub::Present::yes) return;
    ++peer_session_;
    local_.restart();
  });
  client_->on_message([this](transport::ClientMessage message, Task handled) {
    came_in(std::move(message), std::move(handled));
  });
  client_->on_release(
      [this](std::uint16_t packet_id, Task handled) { release(packet_id, std::move(handled)); });
  subscribe_all();
  out_.attach(*client_);
  client_->start();
}

void Bridge::subscribe_all() {
  for (const TopicRule& rule : rules_) {
    if (!rule.comes_in()) continue;
    hub::SubscriptionOptions options;
    options.qos = rule.qos;
    using Options = hub::SubscriptionOptions;
    options.retain_as_published = Options::RetainAsPublished::yes;
    // MQTT 5.0 section 3.8.3.1: not with a shared subscription.
    if (rule.share.empty()) options.no_local = Options::NoLocal::yes;
    const std::string filter = rule.remote_filter();
    client_->subscribe(filter, options, [this, filter](Result<void> result) {
      if (result) return;
      last_error_ = "the peer refuses the subscription to " + filter + ": " + result.error().message;
      log::warning("transport/bridge", "the peer refuses a subscription",
                   {{"bridge", settings_.name}, {"filter", filter}, {"why", result.error().message}});
    });
  }
}

void Bridge::changed(transport::ClientState state, std::string_view reason) {
  if (state == transport::ClientState::connecting) return set_state(State::connecting);
  if (state == transport::ClientState::online) {
    last_error_.clear();
    connections_.add();
    log::info("transport/bridge", "a bridge is connected",
              {{"bridge", settings_.name}, {"version", version()}});
    // Later: the client asks again for what a peer had refused, and sends what was under way first.
    environment_.executor.post([this, alive = std::weak_ptr<int>(alive_)] {
      if (alive.expired() || client_->state() != transport::ClientState::online) return;
      set_state(State::connected);
      out_.link_up();
    });
    return;
  }
  if (life_ == Life::running) last_error_ = reason;
  if (life_ == Life::running)
    log::refusal("transport/bridge", "a bridge is not connected", settings_.name, {{"why", reason}});
  out_.link_down();
  set_state(State::disconnected);
  if (life_ != Life::stopped) return;
  environment_.executor.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) end_line();
  });
}

void Bridge::set_state(State state) {
  const bool was_up = state_ == State::connected;
  const bool is_up = state == State::connected;
  state_ = state;
  if (was_up == is_up && std::exchange(told_, true)) return;
  told_ = true;
  if (was_up != is_up) since_ = environment_.executor.wall_now();
  up_.set(is_up ? 1 : 0);
  publish_state();
  if (on_change_) on_change_(state);
}

/// As mosquitto has it.
void Bridge::publish_state() {
  if (!settings_.state_topic || life_ == Life::fresh) return;
  hub::Message message;
  message.topic = Slice::copy_of("$SYS/broker/connection/" + settings_.name + "/state");
  message.payload = Slice::copy_of(state_ == State::connected ? "1" : "0");
  message.retain = hub::Message::Retain::yes;
  message.principal = self_;
  environment_.hub.publish(environment_.executor, std::move(message), {});
}

std::string_view Bridge::version() const {
  if (!client_) return settings_.version == "3.1.1" ? "3.1.1" : "5";
  return client_->version() == mqtt::ProtocolVersion::v5 ? "5" : "3.1.1";
}

InStatus Bridge::in() const {
  return {static_cast<std::uint64_t>(received_.read()), static_cast<std::uint64_t>(stored_.read()),
          static_cast<std::uint64_t>(refused_.read()), static_cast<std::uint64_t>(loops_.read())};
}

// ---- in ----

void Bridge::came_in(transport::ClientMessage message, Task handled) {
  received_.add();
  const Passage passed = passage(message.properties.get(), node_);
  if (passed != Passage::open) {
    loops_.add();
    return handled();
  }
  if (!translate(message)) {
    refused_.add();
    log::refusal("transport/bridge", "the peer sent a topic that no rule of the bridge allows",
                 settings_.name, {{"topic", message.topic.text()}});
    return handled();
  }
  hub::Message in;
  in.topic = std::move(message.topic);
  in.payload = std::move(message.payload);
  in.qos = message.qos;
  in.retain = message.retain;
  // A peer whose own bridge subscribes here must know it again: nothing marks what a plain subscription
  // takes.
  in.properties = marked(message.properties, node_);
  in.principal = self_;
  publish(std::move(in), message.packet_id, std::move(handled));
}

/// The bridge may publish what its rules name, and nothing else.
bool Bridge::translate(transport::ClientMessage& message) {
  for (const TopicRule& rule : rules_) {
    if (!rule.comes_in()) continue;
    const std::string topic = rule.to_local(message.topic.text());
    if (topic.empty() || !hub::check_topic(topic)) continue;
    message.topic = Slice::copy_of(topic);
    if (rule.retain == TopicRule::Retain::clear) message.retain = hub::Message::Retain::no;
    return true;
  }
  return false;
}

void Bridge::publish(hub::Message message, std::uint16_t packet_id, Task handled) {
  if (message.qos == hub::QoS::at_most_once) {
    stored_.add();
    local_.publish(std::move(message), 0, {});
    return handled();
  }
  hub::Message copy = message;
  local_.publish(
      std::move(copy), packet_id,
      [this, alive = std::weak_ptr<int>(alive_), message = std::move(message), packet_id,
       handled = std::move(handled), session = peer_session_](Result<void> result) mutable {
        if (alive.expired()) return;
        if (result) {
          stored_.add();
          return acknowledge(std::move(handled));
        }
        not_stored_.add();
        log::refusal("transport/bridge", "a message from the peer is not stored; trying again",
                     settings_.name, {{"why", result.error().message}});
        // The packet id of a session that the peer has forgotten may belong to another message by now.
        if (session != peer_session_) message.qos = hub::QoS::at_least_once;
        retry_later([this, message = std::move(message), packet_id, handled = std::move(handled)]() mutable {
          publish(std::move(message), packet_id, std::move(handled));
        });
      });
}

void Bridge::release(std::uint16_t packet_id, Task handled) {
  local_.release(packet_id, [this, alive = std::weak_ptr<int>(alive_), packet_id,
                             handled = std::move(handled)](Result<void> result) mutable {
    if (alive.expired()) return;
    // An id that is not known has been released before.
    if (result || result.error().code == Errc::not_found) return handled();
    retry_later([this, packet_id, handled = std::move(handled)]() mutable {
      release(packet_id, std::move(handled));
    });
  });
}

void Bridge::retry_later(Task task) {
  retries_.push_back(std::move(task));
  if (retry_timer_) return;
  retry_timer_ = environment_.executor.schedule(kRetryInterval, [this] {
    retry_timer_ = {};
    for (Task& again : std::exchange(retries_, {})) again();
  });
}

/// The peer stops at its Receive Maximum while its acknowledgements are held back.
void Bridge::acknowledge(Task handled) {
  if (held_) {
    held_acknowledgements_.push_back(std::move(handled));
  } else {
    handled();
  }
}

void Bridge::flow(LocalSession::Flow wish) {
  held_ = wish == LocalSession::Flow::hold;
  if (held_) return;
  for (Task& handled : std::exchange(held_acknowledgements_, {})) handled();
}

// ---- the end ----

void Bridge::stop(OutQueue::Done stopped) {
  life_ = Life::stopped;
  ending_ = std::move(stopped);
  environment_.executor.cancel(std::exchange(load_timer_, TimerId{}));
  if (!client_ || client_->state() == transport::ClientState::offline) return end_line();
  end_timer_ = environment_.executor.schedule(kGoodbyeDeadline, [this] {
    end_timer_ = {};
    end_line();
  });
  client_->stop();  // changed() goes on
}

void Bridge::end_line() {
  if (!ending_) return;
  environment_.executor.cancel(std::exchange(end_timer_, TimerId{}));
  out_.flush(std::exchange(ending_, {}));
}

void Bridge::remove(OutQueue::Done removed) {
  stop([this, removed = std::move(removed)](const Result<void>&) mutable {
    if (settings_.state_topic) {
      hub::Message gone;
      gone.topic = Slice::copy_of("$SYS/broker/connection/" + settings_.name + "/state");
      gone.retain = hub::Message::Retain::yes;
      gone.principal = self_;
      environment_.hub.publish(environment_.executor, std::move(gone), {});
    }
    local_.forget();
    out_.forget(std::move(removed));
  });
}

}  // namespace dunlin::bridge
