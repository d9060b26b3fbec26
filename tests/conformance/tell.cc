// The server's packets, read strictly and told in a line.

#include <array>
#include <cstdio>
#include <set>

#include "packets.h"

namespace dunlin::conformance {
namespace {

std::string hex(unsigned value) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%02x", value);
  return text.data();
}

/// Takes fields off the front. Anything missing makes it broken, and every later field empty.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  unsigned u8() {
    if (rest_.empty()) return fault("too short");
    const auto value = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  unsigned u16() {
    const unsigned high = u8();
    return high << 8 | u8();
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::uint32_t variable() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const unsigned byte = u8();
      value |= (byte & 0x7FU) << shift;
      if ((byte & 0x80U) != 0) continue;
      if (byte == 0 && shift > 0) fault("a variable byte integer is not minimal");
      return value;
    }
    return fault("a variable byte integer is too long");
  }
  std::string field() { return take(u16()); }
  std::string take(std::size_t length) {
    if (rest_.size() < length) {
      fault("too short");
      return {};
    }
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return taken;
  }
  std::string take_rest() { return take(rest_.size()); }
  unsigned fault(std::string_view why) {
    if (fault_.empty()) fault_ = why;
    rest_ = {};
    return 0;
  }
  bool empty() const { return rest_.empty(); }
  const std::string& why() const { return fault_; }

 private:
  std::string_view rest_;
  std::string fault_;
};

enum class Type : std::uint8_t { byte, u16, u32, variable, text, pair, none };

Type type_of(unsigned id) {
  switch (id) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:  // clang-format off
      return Type::byte;  // clang-format on
    case 0x13:
    case 0x21:
    case 0x22:
    case 0x23:  // clang-format off
      return Type::u16;  // clang-format on
    case 0x02:
    case 0x11:
    case 0x18:
    case 0x27:  // clang-format off
      return Type::u32;  // clang-format on
    case 0x0B:
      return Type::variable;
    case 0x03:
    case 0x08:
    case 0x09:
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1A:
    case 0x1C:
    case 0x1F:  // clang-format off
      return Type::text;  // clang-format on
    case 0x26:
      return Type::pair;
    default:
      return Type::none;
  }
}

/// Which properties a server may put into a packet of this type (table 2-4 of MQTT 5.0).
bool belongs(unsigned type, unsigned id) {
  static const std::map<unsigned, std::set<unsigned>> kOf = {
      {2,
       {0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29,
        0x2A}},
      {3, {0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26}},
      {4, {0x1F, 0x26}},
      {5, {0x1F, 0x26}},
      {6, {0x1F, 0x26}},
      {7, {0x1F, 0x26}},
      {9, {0x1F, 0x26}},
      {11, {0x1F, 0x26}},
      {14, {0x1C, 0x1F, 0x26}},  // without 0x11: [MQTT-3.14.2-2]
      {15, {0x15, 0x16, 0x1F, 0x26}}};
  const auto found = kOf.find(type);
  return found != kOf.end() && found->second.contains(id);
}

std::string value_of(Taker& block, unsigned id) {
  switch (type_of(id)) {
    case Type::byte:
      return std::to_string(block.u8());
    case Type::u16:
      return std::to_string(block.u16());
    case Type::u32:
      return std::to_string(block.u32());
    case Type::variable:
      return std::to_string(block.variable());
    case Type::text:
      return block.field();
    case Type::pair: {
      const std::string key = block.field();
      return key + ":" + block.field();
    }
    case Type::none:
      break;
  }
  block.fault("an unknown property");
  return {};
}

/// Reads a property block; tells it, but for what varies and is not asked for.
std::string properties(Taker& body, unsigned type, Properties& into) {
  Taker block(std::string_view{});
  const std::string bytes = body.take(body.variable());
  block = Taker(bytes);
  std::string line;
  while (!block.empty()) {
    const unsigned id = block.variable();
    if (!belongs(type, id)) block.fault("a property of another packet: " + hex(id));
    const std::string value = value_of(block, id);
    if (into.contains(id) && id != 0x26 && id != 0x0B) block.fault("a property twice");
    into[id].push_back(value);
    if (type != 2 && id != 0x1F) line += " " + hex(id) + "=" + value;
  }
  if (!block.why().empty()) body.fault(block.why());
  return line;
}

std::string codes(Taker& body) {
  std::string line;
  while (!body.empty()) line += (line.empty() ? "" : " ") + hex(body.u8());
  return "[" + line + "]";
}

std::string tell_connack(int version, Taker& body, Properties& into) {
  const unsigned flags = body.u8();
  if (flags > 1) body.fault("reserved flags in CONNACK");
  const unsigned code = body.u8();
  if (flags == 1 && code != 0) body.fault("session present in a refusal");
  if (version == kV3 && code > 5) body.fault("a reserved return code");
  if (version == kV5) properties(body, 2, into);
  return "CONNACK " + hex(code) + (flags == 1 ? " present" : "");
}

std::string tell_publish(int version, unsigned flags, Taker& body, Properties& into) {
  const unsigned qos = flags >> 1 & 3;
  if (qos == 3) body.fault("QoS 3");
  if (qos == 0 && (flags & 8) != 0) body.fault("DUP with QoS 0");
  const std::string topic = body.field();
  unsigned id = 0;
  if (qos > 0 && (id = body.u16()) == 0) body.fault("packet identifier 0");
  const std::string told = version == kV5 ? properties(body, 3, into) : std::string();
  std::string line = "PUBLISH " + topic + "=" + body.take_rest() + " q" + std::to_string(qos);
  if (qos > 0) line += " id" + std::to_string(id);
  return line + ((flags & 1) != 0 ? " retain" : "") + ((flags & 8) != 0 ? " dup" : "") + told;
}

std::string tell_ack(int version, unsigned type, Taker& body, Properties& into) {
  static const std::array<std::string, 4> kNames{"PUBACK", "PUBREC", "PUBREL", "PUBCOMP"};
  std::string line = kNames[type - 4] + " " + std::to_string(body.u16());
  if (version != kV5 || body.empty()) return line;
  if (const unsigned code = body.u8(); code != 0) line += " " + hex(code);
  return body.empty() ? line : line + properties(body, type, into);
}

std::string tell_body(int version, unsigned first, Taker& body, Properties& into) {
  const unsigned type = first >> 4;
  const unsigned flags = first & 0x0F;
  if (type != 3 && flags != (type == 6 ? 2U : 0U)) body.fault("reserved flags of the fixed header");
  switch (type) {
    case 2:
      return tell_connack(version, body, into);
    case 3:
      return tell_publish(version, flags, body, into);
    case 4:
    case 5:
    case 6:
    case 7:  // clang-format off
      return tell_ack(version, type, body, into);  // clang-format on
    case 9: {
      const std::string line = "SUBACK " + std::to_string(body.u16());
      const std::string told = version == kV5 ? properties(body, 9, into) : std::string();
      return line + told + " " + codes(body);
    }
    case 11: {
      const std::string line = "UNSUBACK " + std::to_string(body.u16());
      if (version == kV3) return line;
      const std::string told = properties(body, 11, into);
      return line + told + " " + codes(body);
    }
    case 13:
      return "PINGRESP";
    case 14: {
      if (version == kV3) body.fault("DISCONNECT from a server of MQTT 3.1.1");
      const unsigned code = body.empty() ? 0 : body.u8();
      return "DISCONNECT " + hex(code) + (body.empty() ? "" : properties(body, 14, into));
    }
    case 15: {
      if (version == kV3) body.fault("AUTH in MQTT 3.1.1");
      const unsigned code = body.empty() ? 0 : body.u8();
      return "AUTH " + hex(code) + (body.empty() ? "" : properties(body, 15, into));
    }
    default:
      body.fault("a packet that a server does not send");
      return "type " + std::to_string(type);
  }
}

}  // namespace

std::vector<Bytes> take_packets(Bytes& bytes) {
  std::vector<Bytes> packets;
  while (true) {
    std::size_t length = 0;
    std::size_t at = 1;
    for (unsigned shift = 0;; shift += 7, ++at) {
      if (at >= bytes.size() || shift > 21) return packets;
      const auto byte = static_cast<unsigned char>(bytes[at]);
      length |= static_cast<std::size_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) break;
    }
    if (bytes.size() < at + 1 + length) return packets;
    packets.push_back(bytes.substr(0, at + 1 + length));
    bytes.erase(0, at + 1 + length);
  }
}

Told tell(int version, const Bytes& packet) {
  Told told;
  Taker body(packet);
  const unsigned first = body.u8();
  const std::uint32_t remaining = body.variable();
  const std::string rest = body.take_rest();
  if (rest.size() != remaining) body.fault("the remaining length is wrong");
  Taker fields(rest);
  told.line = tell_body(version, first, fields, told.properties);
  if (!fields.empty()) fields.fault("bytes after the last field");
  const std::string why = body.why().empty() ? fields.why() : body.why();
  if (!why.empty()) told.line = "BROKEN " + told.line + ": " + why;
  return told;
}

}  // namespace dunlin::conformance
