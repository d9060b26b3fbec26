#include "wire/mqtt/packet.h"

namespace dunlin::mqtt {
namespace {

struct TypeOf {
  PacketType operator()(const Connect&) const { return PacketType::connect; }
  PacketType operator()(const Connack&) const { return PacketType::connack; }
  PacketType operator()(const Publish&) const { return PacketType::publish; }
  PacketType operator()(const Ack& ack) const { return ack.type; }
  PacketType operator()(const Subscribe&) const { return PacketType::subscribe; }
  PacketType operator()(const Suback&) const { return PacketType::suback; }
  PacketType operator()(const Unsubscribe&) const { return PacketType::unsubscribe; }
  PacketType operator()(const Unsuback&) const { return PacketType::unsuback; }
  PacketType operator()(const Pingreq&) const { return PacketType::pingreq; }
  PacketType operator()(const Pingresp&) const { return PacketType::pingresp; }
  PacketType operator()(const Disconnect&) const { return PacketType::disconnect; }
  PacketType operator()(const Auth&) const { return PacketType::auth; }
};

}  // namespace

PacketType packet_type(const Packet& packet) {
  return std::visit(TypeOf{}, packet);
}

}  // namespace dunlin::mqtt
