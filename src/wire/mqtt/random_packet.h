#pragma once
// Test-only: random valid packets, the same for the same seed.

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "wire/mqtt/packet.h"
#include "wire/mqtt/property_fields.h"
#include "wire/mqtt/test_bytes.h"

namespace dunlin::mqtt::test {

/// Makes packets whose views point into its own memory; they are valid while it lives.
class RandomPackets {
 public:
  explicit RandomPackets(std::uint64_t seed) : state_(seed) {}

  /// A packet that `sender` may send in this version.
  Packet next(ProtocolVersion version, Sender sender) {
    const bool v5 = version == ProtocolVersion::v5;
    for (;;) {
      const std::uint64_t kind = below(12);
      if (kind == 0) return publish(v5, sender);
      if (kind == 1) return ack(v5);
      if (kind == 2 && (v5 || sender == Sender::client)) return disconnect(v5, sender);
      if (kind == 3 && v5) return auth(sender);
      if (sender == Sender::client) {
        if (kind == 4) return connect(version);
        if (kind == 5) return subscribe(v5);
        if (kind == 6) return unsubscribe(v5);
        if (kind == 7) return Pingreq{};
      } else {
        if (kind == 8) return connack(v5);
        if (kind == 9) return suback(v5);
        if (kind == 10) return unsuback(v5);
        if (kind == 11) return Pingresp{};
      }
    }
  }

  std::uint64_t below(std::uint64_t bound) { return number() % bound; }

 private:
  std::uint64_t number() {  // splitmix64
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  bool coin() { return below(2) == 0; }

  std::string_view text(std::string_view alphabet, std::size_t least, std::size_t bound) {
    std::string& text = texts_.emplace_back();
    const std::size_t length = least + below(bound);
    while (text.size() < length) text += alphabet[below(alphabet.size())];
    if (coin() && coin()) text += "\u00E9\u20AC\U0001F600";
    return text;
  }
  std::string_view text() { return text("abc /#+$\t~", 0, 40); }
  std::string_view topic() { return text("ab/$ ", 1, 60); }
  std::string_view filter() {
    static constexpr std::array<std::string_view, 6> kShapes = {"#",   "+/x/#", "$share/g/+/y",
                                                                "a/+", "/",     "$SYS/#"};
    return coin() ? kShapes[below(kShapes.size())] : topic_filter();
  }
  std::string_view topic_filter() { return text("ab/", 1, 60); }
  ByteView binary() { return as_bytes(text(std::string_view("\0\xFF\xC0z", 4), 0, 50)); }
  std::uint16_t id() { return static_cast<std::uint16_t>(1 + below(65'535)); }
  QoS qos() { return static_cast<QoS>(below(3)); }

  void fill(PropertyId id, std::optional<std::string_view>& slot) {
    slot = id == PropertyId::response_topic ? topic() : text();
  }
  void fill(PropertyId, std::optional<ByteView>& slot) { slot = binary(); }
  template <class T>
  void fill(PropertyId id, std::optional<T>& slot) {
    const PropertyType type = property_type(static_cast<std::uint32_t>(id));
    const std::uint64_t most = type == PropertyType::byte        ? 1
                               : type == PropertyType::two_byte  ? 65'534
                               : type == PropertyType::four_byte ? 0xFFFF'FFFE
                                                                 : kMaxVariableByteInteger - 1;
    slot = static_cast<T>(type == PropertyType::byte ? below(2) : 1 + below(most));
  }
  void fill(PropertyId, UserProperties& list) {
    auto& items = user_.emplace_back();
    for (std::uint64_t i = below(4); i > 0; --i) items.push_back({text(), text()});
    list = UserProperties(items);
  }
  void fill(PropertyId, SubscriptionIdentifiers& list) {
    auto& items = identifiers_.emplace_back();
    for (std::uint64_t i = below(4); i > 0; --i) {
      items.push_back(static_cast<std::uint32_t>(1 + below(kMaxVariableByteInteger)));
    }
    list = SubscriptionIdentifiers(items);
  }
  template <class P, class... Fields>
  void fill_all(P& properties, FieldList<Fields...>) {
    ((coin() ? fill(Fields::kId, properties.*Fields::kMember) : void()), ...);
  }
  template <class P>
  P properties(bool v5) {
    P properties;
    if (v5 && below(4) != 0) fill_all(properties, typename FieldsOf<P>::type{});
    return properties;
  }
  ReasonCode reason(PacketType type, Sender sender) {
    for (;;) {
      const auto code = static_cast<ReasonCode>(below(256));
      if (reason_code_allowed(type, sender, code)) return code;
    }
  }

  Connect connect(ProtocolVersion version) {
    const bool v5 = version == ProtocolVersion::v5;
    Connect connect;
    connect.version = version;
    connect.clean_start = coin();
    connect.client_id = text();
    if (connect.client_id.empty()) connect.clean_start = true;
    connect.keep_alive = static_cast<std::uint16_t>(below(65'536));
    if (coin()) connect.will = Will{topic(), binary(), qos(), coin(), properties<WillProperties>(v5)};
    if (coin()) connect.user_name = text();
    if (coin() && (v5 || connect.user_name)) connect.password = binary();
    connect.properties = properties<ConnectProperties>(v5);
    if (!connect.properties.authentication_method) connect.properties.authentication_data.reset();
    return connect;
  }
  Connack connack(bool v5) {
    Connack connack;
    connack.reason = v5 ? reason(PacketType::connack, Sender::server)
                        : *connack_reason_code(static_cast<std::uint8_t>(below(6)));
    connack.session_present = connack.reason == ReasonCode::success && coin();
    connack.properties = properties<ConnackProperties>(v5);
    if (!connack.properties.authentication_method) connack.properties.authentication_data.reset();
    return connack;
  }
  Publish publish(bool v5, Sender sender) {
    Publish publish;
    publish.qos = qos();
    publish.retain = coin();
    publish.payload = binary();
    publish.properties = properties<PublishProperties>(v5);
    if (sender == Sender::client) publish.properties.subscription_identifiers = {};
    publish.topic = publish.properties.topic_alias && coin() ? std::string_view() : topic();
    if (publish.qos == QoS::at_most_once) return publish;
    publish.packet_id = id();
    publish.dup = coin();
    return publish;
  }
  Ack ack(bool v5) {
    Ack ack;
    ack.type = static_cast<PacketType>(4 + below(4));
    ack.packet_id = id();
    if (v5) ack.reason = reason(ack.type, Sender::server);
    ack.properties = properties<AckProperties>(v5);
    return ack;
  }
  Subscribe subscribe(bool v5) {
    auto& items = subscriptions_.emplace_back();
    for (std::uint64_t i = 1 + below(5); i > 0; --i) {
      Subscription item{filter(), qos(), false, false, RetainHandling::send};
      if (v5) {
        item.no_local = !item.filter.starts_with("$share/") && coin();
        item.retain_as_published = coin();
        item.retain_handling = static_cast<RetainHandling>(below(3));
      }
      items.push_back(item);
    }
    return {id(), Subscriptions(items), properties<SubscribeProperties>(v5)};
  }
  Unsubscribe unsubscribe(bool v5) {
    auto& items = filters_.emplace_back();
    for (std::uint64_t i = 1 + below(5); i > 0; --i) items.push_back(filter());
    return {id(), TopicFilters(items), properties<UnsubscribeProperties>(v5)};
  }
  ByteView codes(PacketType type, bool v5) {
    auto& items = codes_.emplace_back();
    for (std::uint64_t i = 1 + below(5); i > 0; --i) {
      const std::uint8_t code = v5 ? static_cast<std::uint8_t>(reason(type, Sender::server))
                                   : std::array<std::uint8_t, 4>{0, 1, 2, 0x80}[below(4)];
      items.push_back(code);
    }
    return items;
  }
  Suback suback(bool v5) { return {id(), codes(PacketType::suback, v5), properties<AckProperties>(v5)}; }
  Unsuback unsuback(bool v5) {
    return {id(), v5 ? codes(PacketType::unsuback, v5) : ByteView(), properties<AckProperties>(v5)};
  }
  Disconnect disconnect(bool v5, Sender sender) {
    Disconnect disconnect;
    if (v5) disconnect.reason = reason(PacketType::disconnect, sender);
    disconnect.properties = properties<DisconnectProperties>(v5);
    if (sender == Sender::client) disconnect.properties.server_reference.reset();
    if (sender == Sender::server) disconnect.properties.session_expiry_interval.reset();
    return disconnect;
  }
  Auth auth(Sender sender) {
    Auth auth;
    auth.reason = reason(PacketType::auth, sender);
    auth.properties = properties<AuthProperties>(true);
    auth.properties.authentication_method = text();
    return auth;
  }

  std::uint64_t state_;
  std::deque<std::string> texts_;
  std::deque<std::vector<UserProperty>> user_;
  std::deque<std::vector<std::uint32_t>> identifiers_;
  std::deque<std::vector<Subscription>> subscriptions_;
  std::deque<std::vector<std::string_view>> filters_;
  std::deque<Bytes> codes_;
};

}  // namespace dunlin::mqtt::test
