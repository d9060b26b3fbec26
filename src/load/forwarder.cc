#include "load/forwarder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "load/limits.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"

namespace dunlin::load {
namespace {

/// The number at the end of "load-1234-p17", or 0.
std::size_t number_of(std::string_view client_id) {
  const std::size_t last = client_id.find_last_not_of("0123456789");
  const std::string_view digits = client_id.substr(last == std::string_view::npos ? 0 : last + 1);
  std::size_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number < kMaxConnections ? number : 0;
}

}  // namespace

class Forwarder::Peer final : public net::ConnectionHandler {
 public:
  Peer(Forwarder& forwarder, std::unique_ptr<net::Connection> connection)
      : forwarder_(forwarder), connection_(std::move(connection)) {
    connection_->set_handler(this);
    connection_->set_max_unconsumed(kMaxPayloadBytes + 1024 * 1024);
  }

  std::size_t number() const { return number_; }
  bool is_full() const { return connection_->pending_output() > kMaxForwardBacklog; }
  void write(ByteView bytes) { connection_->write(bytes); }
  void write(const Slice& bytes) { connection_->write(bytes); }
  /// Reads nothing more until `receiver` has sent what waits for it.
  void hold_for(Peer& receiver) {
    connection_->pause_reading();
    receiver.held_.push_back(this);
  }
  void release_held() {
    for (Peer* peer : std::exchange(held_, {})) peer->connection_->resume_reading();
  }
  void forget(Peer& peer) { std::erase(held_, &peer); }

 private:
  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override { release_held(); }
  void on_closed(net::CloseReason) override { forwarder_.remove(*this); }

  void answer(ByteView frame);
  void answer_connect(ByteView frame);
  void answer_subscribe(const mqtt::Subscribe& subscribe);
  void queue_ack(mqtt::PacketType type, std::uint8_t high, std::uint8_t low);
  void acknowledge(ByteView publish);
  template <class P>
  void send(const P& packet);

  Forwarder& forwarder_;
  std::unique_ptr<net::Connection> connection_;
  mqtt::ProtocolVersion version_ = mqtt::ProtocolVersion::v5;
  std::size_t number_ = 0;
  std::vector<std::uint8_t> acks_;
  std::vector<Peer*> held_;  // publishers that wait for this one
};

std::size_t Forwarder::Peer::on_data(ByteView bytes) {
  std::size_t used = 0;
  std::size_t run = 0;  // where the PUBLISH packets that are not yet forwarded begin
  while (true) {
    const mqtt::FrameResult frame = mqtt::frame_length(bytes.subspan(used), mqtt::kMaxPacketBytes);
    if (frame.status == mqtt::FrameResult::Status::error) connection_->close();
    if (frame.status != mqtt::FrameResult::Status::complete) break;
    const ByteView whole = bytes.subspan(used, frame.length);
    const bool publish = mqtt::frame_type(whole) == mqtt::PacketType::publish;
    if (publish) {
      acknowledge(whole);
    } else {
      if (run < used) forwarder_.forward(*this, bytes.subspan(run, used - run));
      answer(whole);
    }
    used += frame.length;
    if (!publish) run = used;
  }
  if (run < used) forwarder_.forward(*this, bytes.subspan(run, used - run));
  if (!acks_.empty()) connection_->write(ByteView(acks_));
  acks_.clear();
  return used;
}

void Forwarder::Peer::queue_ack(mqtt::PacketType type, std::uint8_t high, std::uint8_t low) {
  const unsigned flags = type == mqtt::PacketType::pubrel ? 2 : 0;
  const std::array<std::uint8_t, 4> ack{static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags),
                                        2, high, low};
  acks_.insert(acks_.end(), ack.begin(), ack.end());
}

void Forwarder::Peer::acknowledge(ByteView publish) {
  const unsigned qos = (publish[0] >> 1) & 3U;
  if (qos == 0) return;
  std::size_t at = 1;
  while (at < publish.size() && (publish[at] & 0x80) != 0) ++at;
  ++at;
  if (publish.size() < at + 2) return connection_->close();
  at += 2 + (std::size_t{publish[at]} << 8 | publish[at + 1]);
  if (publish.size() < at + 2) return connection_->close();
  queue_ack(qos == 1 ? mqtt::PacketType::puback : mqtt::PacketType::pubrec, publish[at], publish[at + 1]);
}

void Forwarder::Peer::answer(ByteView frame) {
  const mqtt::PacketType type = mqtt::frame_type(frame);
  if (type == mqtt::PacketType::pubrec && frame.size() >= 4)
    return queue_ack(mqtt::PacketType::pubrel, frame[2], frame[3]);
  if (type == mqtt::PacketType::pubrel && frame.size() >= 4)
    return queue_ack(mqtt::PacketType::pubcomp, frame[2], frame[3]);
  if (type == mqtt::PacketType::puback || type == mqtt::PacketType::pubcomp) return;
  if (type == mqtt::PacketType::connect) return answer_connect(frame);
  if (type == mqtt::PacketType::pingreq) return send(mqtt::Pingresp{});
  const auto packet = mqtt::decode(frame, version_, mqtt::Sender::client);
  const auto* subscribe = packet ? std::get_if<mqtt::Subscribe>(&*packet) : nullptr;
  if (subscribe == nullptr) return connection_->close();  // DISCONNECT, and what it does not know
  answer_subscribe(*subscribe);
}

void Forwarder::Peer::answer_connect(ByteView frame) {
  const auto connect = mqtt::decode_connect(frame);
  if (!connect) return connection_->close();
  version_ = connect->version;
  number_ = number_of(connect->client_id);
  send(mqtt::Connack{});
}

void Forwarder::Peer::answer_subscribe(const mqtt::Subscribe& subscribe) {
  std::vector<std::uint8_t> codes;
  for (const mqtt::Subscription& one : subscribe.subscriptions)
    codes.push_back(static_cast<std::uint8_t>(one.qos));
  forwarder_.add_subscriber(*this);
  send(mqtt::Suback{subscribe.packet_id, codes, {}});
}

template <class P>
void Forwarder::Peer::send(const P& packet) {
  std::vector<std::uint8_t> bytes(mqtt::encoded_size(packet, version_));
  if (mqtt::encode(packet, version_, bytes)) connection_->write(ByteView(bytes));
}

Forwarder::Forwarder(net::Network& network, Executor& executor, const ForwarderOptions& options)
    : network_(network), executor_(executor), options_(options) {}
Forwarder::~Forwarder() = default;

Result<void> Forwarder::listen() {
  if (!options_.endpoint.is_loopback())
    return fail(Errc::permission_denied,
                "the null forwarder lets everybody in: only a loopback address, e.g. 127.0.0.1:1883");
  net::ListenOptions listen;
  listen.endpoint = options_.endpoint;
  DUNLIN_TRY(
      listener_,
      network_.listen(executor_, std::move(listen), [this](std::unique_ptr<net::Connection> connection) {
        if (peers_.size() < kMaxConnections)
          peers_.push_back(std::make_unique<Peer>(*this, std::move(connection)));
      }));
  return {};
}

net::Endpoint Forwarder::local() const {
  return listener_->local();
}

void Forwarder::add_subscriber(Peer& peer) {
  if (std::ranges::find(subscribers_, &peer) != subscribers_.end()) return;
  const auto place = std::ranges::upper_bound(subscribers_, peer.number(), {}, &Peer::number);
  subscribers_.insert(place, &peer);
}

void Forwarder::forward(Peer& from, ByteView packets) {
  if (subscribers_.empty()) return;
  if (options_.target == ForwarderOptions::Target::one) {
    Peer& receiver = *subscribers_[from.number() % subscribers_.size()];
    receiver.write(packets);
    if (receiver.is_full()) from.hold_for(receiver);
    return;
  }
  const Slice shared = Slice::copy_of(packets);
  for (Peer* receiver : subscribers_) {
    receiver->write(shared);
    if (receiver->is_full()) from.hold_for(*receiver);
  }
}

void Forwarder::remove(Peer& peer) {
  peer.release_held();
  std::erase(subscribers_, &peer);
  for (const auto& other : peers_) other->forget(peer);
  std::erase_if(peers_, [&](const std::unique_ptr<Peer>& one) { return one.get() == &peer; });
}

}  // namespace dunlin::load
