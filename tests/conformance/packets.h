#pragma once
// MQTT packets as bytes and as text, written from the specifications alone: nothing here uses src/wire/mqtt,
// so that a fault of that codec cannot hide behind itself. A packet of a client is built by the functions
// below, or spelt out as bytes; a packet of the server is checked byte by byte and told in one line.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::conformance {

/// Raw bytes; chars are taken as unsigned.
using Bytes = std::string;

inline constexpr int kV3 = 4;  // the protocol level of MQTT 3.1.1
inline constexpr int kV5 = 5;

Bytes u8(unsigned value);
Bytes u16(unsigned value);
Bytes u32(std::uint32_t value);
/// A Variable Byte Integer of minimal length.
Bytes variable(std::uint32_t value);
/// A string or binary field: its length in two bytes, then itself.
Bytes field(std::string_view text);
/// A property: its identifier and its value.
Bytes byte_property(unsigned id, unsigned value);
Bytes u16_property(unsigned id, unsigned value);
Bytes u32_property(unsigned id, std::uint32_t value);
Bytes variable_property(unsigned id, std::uint32_t value);
Bytes text_property(unsigned id, std::string_view value);
Bytes user_property(std::string_view key, std::string_view value);
/// The fixed header with the right Remaining Length, and the body.
Bytes packet(unsigned first_byte, const Bytes& body);

/// Properties by name, for the tests.
namespace property {
Bytes payload_format(unsigned value);
Bytes message_expiry(std::uint32_t seconds);
Bytes content_type(std::string_view value);
Bytes response_topic(std::string_view value);
Bytes correlation_data(std::string_view value);
Bytes subscription_identifier(std::uint32_t value);
Bytes session_expiry(std::uint32_t seconds);
Bytes authentication_method(std::string_view value);
Bytes authentication_data(std::string_view value);
Bytes request_problem_information(unsigned value);
Bytes will_delay(std::uint32_t seconds);
Bytes request_response_information(unsigned value);
Bytes receive_maximum(unsigned value);
Bytes topic_alias_maximum(unsigned value);
Bytes topic_alias(unsigned value);
Bytes maximum_packet_size(std::uint32_t value);
}  // namespace property

struct Will {
  std::string topic = "will";
  std::string payload = "gone";
  unsigned qos = 0;
  bool retain = false;
  Bytes properties = {};
};

struct Connect {
  std::string client_id = "c";
  bool clean = true;
  unsigned keep_alive = 0;
  std::optional<Will> will = {};
  std::optional<std::string> user_name = {};
  std::optional<std::string> password = {};
  Bytes properties = {};
  std::string protocol_name = "MQTT";
  std::optional<unsigned> level = {};  // the client's version if absent
  unsigned extra_flags = 0;            // added to the flags that follow from the fields above
};

struct Publish {
  std::string topic = "t";
  std::string payload = "p";
  unsigned qos = 0;
  unsigned id = 0;
  bool retain = false;
  bool dup = false;
  Bytes properties = {};
};

struct Filter {
  std::string filter;
  unsigned options = 0;  // the Subscription Options byte; in MQTT 3.1.1 the QoS
};
inline constexpr unsigned kNoLocal = 0x04;
inline constexpr unsigned kRetainAsPublished = 0x08;
inline constexpr unsigned kRetainIfNew = 0x10;
inline constexpr unsigned kRetainNever = 0x20;

Bytes connect(int version, const Connect& fields);
Bytes publish(int version, const Publish& fields);
Bytes subscribe(int version, unsigned id, const std::vector<Filter>& filters, const Bytes& properties = {});
Bytes unsubscribe(int version, unsigned id, const std::vector<std::string>& filters);
/// PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70; the reason is left out when it is 0.
Bytes ack(unsigned first_byte, unsigned id, unsigned reason = 0);
Bytes puback(unsigned id, unsigned reason = 0);
Bytes pubrec(unsigned id, unsigned reason = 0);
Bytes pubrel(unsigned id, unsigned reason = 0);
Bytes pubcomp(unsigned id, unsigned reason = 0);
Bytes pingreq();
Bytes disconnect(int version, unsigned reason = 0, const Bytes& properties = {});

/// The values of each property, by identifier: numbers in decimal, a User Property as key:value.
using Properties = std::map<unsigned, std::vector<std::string>>;

struct Told {
  std::string line;
  Properties properties;
};

/// The whole packets at the front of `bytes` are taken off it.
std::vector<Bytes> take_packets(Bytes& bytes);

/// One packet of a server in one line; "BROKEN ..." if anything in it breaks the specification's form.
/// Properties are appended as hexadecimal identifier=value, but those of CONNACK and the Reason String (1f)
/// are only in `properties`.
///   CONNACK 00 | CONNACK 00 present | PUBLISH topic=payload q1 id7 retain dup | PUBACK 7 | PUBREC 7 97 |
///   SUBACK 3 [01 80] UNSUBACK 3 (3.1.1) | UNSUBACK 3 [00] | PINGRESP | DISCONNECT 8e | AUTH 18
Told tell(int version, const Bytes& packet);

}  // namespace dunlin::conformance
