// The server's sessions under any sequence of packets, steps of time and lost connections, on the virtual
// network. What comes back must be valid MQTT of the negotiated version, never past what the client allows.
//
// The input is a program of small instructions for four clients, so that one changed byte changes one step.

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/core/assert.h"
#include "base/log.h"
#include "base/virtual_executor.h"
#include "hub/hub.h"
#include "net/virtual_network.h"
#include "transport/mqtt/server.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace {

using namespace dunlin;
using mqtt::PacketType;
using mqtt::ProtocolVersion;
using mqtt::ReasonCode;

constexpr std::size_t kClients = 4;
constexpr std::size_t kMaxSteps = 400;
constexpr std::array<std::string_view, 10> kTopics{
    "a",      "a/b", "a/b/c",       "",     "long/topic/for/aliases",
    "$SYS/x", "b",   "forbidden/x", "a//b", "long/topic/two"};
constexpr std::array<std::string_view, 12> kFilters{
    "#", "a/#", "+/b", "a", "a/b", "$share/g/a/#", "$SYS/#", "a/#/b", "long/+/for/#", "forbidden/#", "+", ""};

class Input {
 public:
  explicit Input(ByteView bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  ByteView take(std::size_t count) {
    const ByteView taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

 private:
  ByteView bytes_;
};

/// A client that checks what it gets. After bytes of the input's own (`wild`) it cannot know what it has
/// asked for, and checks the form alone.
class Client final : public net::ConnectionHandler {
 public:
  std::unique_ptr<net::Connection> connection;
  ProtocolVersion version = ProtocolVersion::v5;
  bool wild = false;
  std::uint16_t receive_maximum = 65535;
  std::uint16_t alias_maximum = 0;
  std::size_t max_packet_bytes = mqtt::kMaxPacketBytes;
  std::set<std::uint16_t> unacknowledged;  // of the server's publishes
  std::map<std::uint16_t, mqtt::QoS> to_answer;
  std::set<std::uint16_t> to_complete;
  std::multiset<std::uint16_t> published;  // ours, without an answer so far
  std::vector<std::string> aliases;

  void begin() {
    wild = connected_ = ended_ = false;
    receive_maximum = 65535;
    alias_maximum = 0;
    max_packet_bytes = mqtt::kMaxPacketBytes;
    unacknowledged.clear();
    to_answer.clear();
    to_complete.clear();
    published.clear();
    aliases.assign(1, {});
  }

  template <class P>
  void send(const P& packet) {
    if (!connection) return;
    std::vector<std::uint8_t> bytes(mqtt::encoded_size(packet, version));
    const auto written = mqtt::encode(packet, version, MutableByteView(bytes));
    if (written) connection->write(ByteView(bytes).first(*written));
  }

  std::size_t on_data(ByteView bytes) override {
    std::size_t used = 0;
    while (true) {
      const auto frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
      DUNLIN_ASSERT(frame.status != mqtt::FrameResult::Status::error);
      if (frame.status != mqtt::FrameResult::Status::complete) return used;
      take(bytes.subspan(used, frame.length));
      used += frame.length;
    }
  }
  void on_closed(net::CloseReason) override { connection.reset(); }

 private:
  void take(ByteView frame) {
    DUNLIN_ASSERT(!ended_);
    // A client whose CONNECT is not known may have chosen another version than the one it believes in.
    if (wild && !connected_) return note_wild_answer(frame);
    const auto packet = mqtt::decode(frame, version, mqtt::Sender::server);
    DUNLIN_ASSERT(packet.has_value());
    DUNLIN_ASSERT(wild || frame.size() <= max_packet_bytes);
    if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) return take_connack(*connack);
    const bool is_auth = std::holds_alternative<mqtt::Auth>(*packet);
    DUNLIN_ASSERT(connected_ || is_auth);
    if (std::holds_alternative<mqtt::Disconnect>(*packet)) ended_ = true;
    if (wild) return;
    if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) return take_publish(*publish);
    if (const auto* ack = std::get_if<mqtt::Ack>(&*packet)) take_ack(*ack);
  }
  void note_wild_answer(ByteView frame) {
    const auto v5 = mqtt::decode(frame, ProtocolVersion::v5, mqtt::Sender::server);
    const auto v3 = mqtt::decode(frame, ProtocolVersion::v3_1_1, mqtt::Sender::server);
    DUNLIN_ASSERT(v5.has_value() || v3.has_value());
  }
  void take_connack(const mqtt::Connack& connack) {
    DUNLIN_ASSERT(!connected_);
    connected_ = connack.reason == ReasonCode::success;
    ended_ = !connected_;
  }
  void take_publish(const mqtt::Publish& publish) {
    std::string topic(publish.topic);
    if (const auto alias = publish.properties.topic_alias) {
      DUNLIN_ASSERT(*alias <= alias_maximum);
      if (aliases.size() <= *alias) aliases.resize(*alias + std::size_t{1});
      if (topic.empty()) topic = aliases[*alias];
      aliases[*alias] = topic;
    }
    DUNLIN_ASSERT(!topic.empty());
    if (publish.qos == mqtt::QoS::at_most_once) return;
    // The id of a message that is not done with must not name another one (MQTT 5.0 section 2.2.1).
    DUNLIN_ASSERT(unacknowledged.insert(publish.packet_id).second);
    DUNLIN_ASSERT(version == ProtocolVersion::v3_1_1 || unacknowledged.size() <= receive_maximum);
    to_answer[publish.packet_id] = publish.qos;
  }
  void take_ack(const mqtt::Ack& ack) {
    if (ack.type == PacketType::pubrel) {
      to_complete.insert(ack.packet_id);
      return;
    }
    if (ack.type == PacketType::puback || ack.type == PacketType::pubrec)
      DUNLIN_ASSERT(published.contains(ack.packet_id));
    if (ack.type == PacketType::puback) published.erase(published.find(ack.packet_id));
  }

  bool connected_ = false;
  bool ended_ = false;
};

/// Whether everything has arrived before the next step.
enum class Pace : std::uint8_t { settled, hasty };

class World {
 public:
  World(std::size_t shards, bool held_back, Pace own_pace) : pace(own_pace) {
    hub::HubEnvironment environment{.shards = {}, .keyed = nullptr, .metrics = registry_, .rng = rng_};
    for (std::size_t i = 0; i < shards; ++i) {
      executors_.push_back(std::make_unique<VirtualExecutor>(scheduler_));
      environment.shards.push_back({*executors_.back(), nullptr});
    }
    environment.limits.online_messages = held_back ? 3 : 1000;
    environment.limits.offline_messages = 30;
    environment.limits.subscriptions_per_session = 4;
    environment.limits.retained_messages = 4;
    hub_ = std::make_unique<hub::Hub>(std::move(environment));
    transport::ServerLimits limits;
    limits.max_packet_bytes = 4096;
    limits.receive_maximum = 4;
    limits.v3_inbound_in_flight = 4;
    limits.topic_alias_maximum = 3;
    limits.outbound_topic_aliases = 2;
    limits.session_expiry_seconds = 100;
    limits.denied_filters = {"b"};
    limits.response_information = "r/{client_id}";
    const auto authenticate = [](hub::Credentials shown, hub::Authenticated done) {
      auto principal = std::make_shared<Principal>();
      principal->name = "all";
      principal->client_id = shown.client_id;
      done(principal);
    };
    const auto authorize = [](const Principal&, hub::Action, std::string_view topic) -> Result<void> {
      if (topic.starts_with("forbidden")) return fail(Errc::permission_denied, "no");
      return {};
    };
    const auto enhanced = [this](hub::EnhancedStep step, hub::EnhancedAnswered done) {
      client_executor_.post([step = std::move(step), done = std::move(done)]() mutable {
        if (step.method != "M") return done(fail(Errc::unsupported, "no such method"));
        if (step.data == "wrong") return done(fail(Errc::unauthenticated, "wrong"));
        if (step.data != "right") return done(hub::EnhancedAnswer{"more", nullptr, nullptr});
        auto principal = std::make_shared<Principal>();
        principal->name = "all";
        principal->client_id = step.credentials.client_id;
        done(hub::EnhancedAnswer{"well", principal, nullptr});
      });
    };
    server_ = std::make_unique<transport::MqttServer>(
        transport::ServerEnvironment{*hub_, authenticate, authorize, registry_, rng_, limits, enhanced});
    for (const auto& executor : executors_) {
      listeners_.push_back(
          network_.host("broker")
              .listen(*executor, {.endpoint = {"broker", 1883}, .tls = {}},
                      [this](std::unique_ptr<net::Connection> c) { server_->accept(std::move(c)); })
              .value());
    }
    hub_->start(*executors_[0], [](Result<void>) {});
    run(Duration{});
  }
  ~World() {
    for (Client& client : clients) client.connection.reset();
    server_.reset();
    listeners_.clear();
  }

  void run(Duration time) { scheduler_.run_for(time + std::chrono::milliseconds{20}); }
  void dial(Client& client) {
    client.connection.reset();
    client.begin();
    network_.host("device").connect(
        client_executor_,
        {.endpoint = {"broker", 1883}, .tls = {}, .server_name = {}, .application_protocols = {}},
        [&client](Result<std::unique_ptr<net::Connection>> result) {
          if (!result) return;
          client.connection = std::move(*result);
          client.connection->set_handler(&client);
        });
    run(Duration{});
  }
  transport::MqttServer& server() { return *server_; }

  const Pace pace;
  std::array<Client, kClients> clients;

 private:
  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  metrics::Registry registry_;
  SeededRng rng_{7};
  VirtualExecutor client_executor_{scheduler_};
  net::VirtualNetwork network_{scheduler_, rng_, registry_};
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<transport::MqttServer> server_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<std::unique_ptr<VirtualExecutor>> executors_;
};

void connect(World& world, Client& client, Input& input) {
  const std::uint8_t flags = input.byte();
  const std::uint8_t more = input.byte();
  world.dial(client);
  client.version = (flags & 1) != 0 ? ProtocolVersion::v3_1_1 : ProtocolVersion::v5;
  const std::string id((flags & 2) != 0 ? 0U : 1U, static_cast<char>('x' + (flags >> 6)));
  mqtt::Connect packet;
  packet.version = client.version;
  packet.client_id = id;
  packet.clean_start = (flags & 4) != 0 || id.empty();
  packet.keep_alive = (flags & 8) != 0 ? 2 : 0;
  if ((flags & 16) != 0) {
    packet.will = mqtt::Will{};
    packet.will->topic = kTopics[more % 3];
    packet.will->qos = static_cast<mqtt::QoS>(more % 3);
    packet.will->retain = (more & 8) != 0;
    if (client.version == ProtocolVersion::v5) packet.will->properties.will_delay_interval = more % 4;
  }
  if (client.version == ProtocolVersion::v5) {
    if ((flags & 32) != 0) packet.properties.session_expiry_interval = more % 8;
    if ((more & 16) != 0) packet.properties.receive_maximum = client.receive_maximum = 1 + more % 3;
    if ((more & 32) != 0) packet.properties.topic_alias_maximum = client.alias_maximum = more % 4;
    if ((more & 64) != 0) {
      packet.properties.maximum_packet_size = 20 + more % 64;
      client.max_packet_bytes = *packet.properties.maximum_packet_size;
    }
    if ((more & 128) != 0) packet.properties.request_response_information = true;
    if ((more & 0x90) == 0x90) packet.properties.authentication_method = "M";
    if ((more & 0x91) == 0x91) packet.properties.authentication_data = as_bytes(std::string_view("right"));
  }
  client.send(packet);
}

void publish(Client& client, Input& input) {
  const std::uint8_t flags = input.byte();
  mqtt::Publish packet;
  packet.topic = kTopics[(flags >> 4) % kTopics.size()];
  packet.qos = static_cast<mqtt::QoS>(flags % 3);
  packet.retain = (flags & 4) != 0;
  if (packet.qos != mqtt::QoS::at_most_once)
    packet.packet_id = static_cast<std::uint16_t>(1 + input.byte() % 8);
  const std::uint8_t more = input.byte();
  const std::string payload(more % 64, 'p');
  packet.payload = as_bytes(payload);
  if (client.version == ProtocolVersion::v5) {
    if ((more & 64) != 0) packet.properties.topic_alias = static_cast<std::uint16_t>(1 + more % 4);
    if ((more & 128) != 0) packet.properties.message_expiry_interval = more % 4;
  }
  if (packet.topic.empty() && !packet.properties.topic_alias) return;
  if (packet.qos != mqtt::QoS::at_most_once) client.published.insert(packet.packet_id);
  client.send(packet);
}

void subscribe(Client& client, Input& input) {
  const std::uint8_t flags = input.byte();
  const std::uint8_t more = input.byte();
  mqtt::Subscription one;
  one.filter = kFilters[flags % kFilters.size()];
  if (one.filter.empty()) return;
  one.qos = static_cast<mqtt::QoS>(more % 3);
  if (client.version == ProtocolVersion::v5) {
    one.no_local = (more & 4) != 0;
    one.retain_as_published = (more & 8) != 0;
    one.retain_handling = static_cast<decltype(one.retain_handling)>((more >> 4) % 3);
  }
  mqtt::Subscribe packet;
  packet.packet_id = 1;
  packet.subscriptions = mqtt::Subscriptions(std::span(&one, 1));
  if (client.version == ProtocolVersion::v5 && (more & 64) != 0)
    packet.properties.subscription_identifier = 1U + more % 5;
  client.send(packet);
}

void unsubscribe(Client& client, Input& input) {
  const std::string_view filter = kFilters[input.byte() % kFilters.size()];
  if (filter.empty()) return;
  client.send(mqtt::Unsubscribe{2, mqtt::TopicFilters(std::span(&filter, 1)), {}});
}

/// As an honest client does, for up to `count` messages.
void answer(Client& client, std::size_t count) {
  for (; count > 0 && !client.to_answer.empty(); --count) {
    const auto [id, qos] = *client.to_answer.begin();
    client.to_answer.erase(client.to_answer.begin());
    if (qos == mqtt::QoS::at_least_once) {
      client.unacknowledged.erase(id);
      client.send(mqtt::Ack{PacketType::puback, id, ReasonCode::success, {}});
    } else {
      client.send(mqtt::Ack{PacketType::pubrec, id, ReasonCode::success, {}});
    }
  }
  for (; count > 0 && !client.to_complete.empty(); --count) {
    const std::uint16_t id = *client.to_complete.begin();
    client.to_complete.erase(client.to_complete.begin());
    client.unacknowledged.erase(id);
    client.send(mqtt::Ack{PacketType::pubcomp, id, ReasonCode::success, {}});
  }
}

/// Acknowledgements that nobody asked for. Of a message that is under way, or may be, they end what the
/// client may check.
void acknowledge_any(const World& world, Client& client, Input& input) {
  constexpr std::array kTypes{PacketType::puback, PacketType::pubrec, PacketType::pubrel,
                              PacketType::pubcomp};
  const std::uint8_t flags = input.byte();
  mqtt::Ack ack{kTypes[flags % 4], static_cast<std::uint16_t>(1 + input.byte() % 8), ReasonCode::success, {}};
  if ((flags & 4) != 0 && client.version == ProtocolVersion::v5)
    ack.reason = flags % 4 < 2 ? ReasonCode::unspecified_error : ReasonCode::packet_identifier_not_found;
  const bool under_way = world.pace == Pace::hasty || client.unacknowledged.contains(ack.packet_id);
  if (ack.type != PacketType::pubrel && under_way) client.wild = true;
  client.send(ack);
}

void authenticate(Client& client, Input& input) {
  const std::uint8_t flags = input.byte();
  mqtt::Auth packet{(flags & 1) != 0 ? ReasonCode::reauthenticate : ReasonCode::continue_authentication, {}};
  packet.properties.authentication_method = (flags & 2) != 0 ? "N" : "M";
  constexpr std::array<std::string_view, 3> kWords{"right", "wrong", "again"};
  packet.properties.authentication_data = as_bytes(kWords[(flags >> 2) % kWords.size()]);
  client.send(packet);
}

void leave(Client& client, Input& input) {
  const std::uint8_t flags = input.byte();
  if ((flags & 1) != 0) return client.connection.reset();
  mqtt::Disconnect packet{};
  if (client.version == ProtocolVersion::v5) {
    if ((flags & 2) != 0) packet.reason = ReasonCode::disconnect_with_will_message;
    if ((flags & 4) != 0) packet.properties.session_expiry_interval = flags % 16;
  }
  client.send(packet);
}

void step(World& world, Input& input) {
  const std::uint8_t code = input.byte();
  Client& client = world.clients[code >> 6];
  switch (code % 14) {
    case 0:
      return world.run(std::chrono::milliseconds{100} * input.byte());
    case 1: {
      client.wild = true;
      const ByteView bytes = input.take(input.byte());
      if (client.connection && !bytes.empty()) client.connection->write(bytes);
      return;
    }
    case 2:
    case 3:
      return connect(world, client, input);
    case 4:
    case 5:
      return publish(client, input);
    case 6:
      return subscribe(client, input);
    case 7:
      return unsubscribe(client, input);
    case 8:
      return answer(client, 1 + input.byte() % 4U);
    case 9:
      return acknowledge_any(world, client, input);
    case 10:
      return client.send(mqtt::Pingreq{});
    case 11:
      return authenticate(client, input);
    case 12:
      return leave(client, input);
    default:
      if (input.byte() % 2 == 0) return world.dial(client);
      return world.run(Duration{});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = [] {
    log::set_level(log::Level::error);
    return true;
  }();
  (void)quiet;
  if (size < 2) return 0;
  Input input(ByteView(data, size));
  const std::uint8_t shape = input.byte();
  World world(1 + shape % 3U, (shape & 4) != 0, (shape & 8) != 0 ? Pace::hasty : Pace::settled);
  for (std::size_t steps = 0; steps < kMaxSteps && !input.empty(); ++steps) {
    step(world, input);
    if (world.pace == Pace::settled) world.run(Duration{});
  }
  world.run(std::chrono::seconds{1});
  return 0;
}
