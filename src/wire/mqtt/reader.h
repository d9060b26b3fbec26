#pragma once
// Room-internal: the cursor that decoding reads with. The first failure stays and spends the rest, so that
// callers check once.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/bytes.h"
#include "wire/mqtt/reason_code.h"
#include "wire/mqtt/topic.h"

namespace dunlin::mqtt {

class Reader {
 public:
  explicit Reader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool empty() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  ByteView rest() const { return {at_, left()}; }

  bool failed() const { return reason_ != ReasonCode::success; }
  ReasonCode reason() const { return reason_; }
  std::string_view why() const { return why_; }
  void fail(ReasonCode reason, std::string_view why) {
    if (failed()) return;
    reason_ = reason;
    why_ = why;
    at_ = end_;
  }
  void malformed(std::string_view why) { fail(ReasonCode::malformed_packet, why); }
  void protocol_error(std::string_view why) { fail(ReasonCode::protocol_error, why); }

  ByteView take(std::size_t count) {
    if (left() < count) {
      malformed("packet ends inside a field");
      return {};
    }
    const ByteView bytes(at_, count);
    at_ += count;
    return bytes;
  }
  ByteView take_rest() { return take(left()); }

  std::uint8_t u8() {
    const ByteView b = take(1);
    return b.empty() ? std::uint8_t{0} : b[0];
  }
  std::uint16_t u16() {
    const ByteView b = take(2);
    return b.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(b[0] << 8 | b[1]);
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }

  // MQTT 5.0 section 1.5.5: at most four bytes, and no more than needed: [MQTT-1.5.5-1].
  std::uint32_t variable_byte_integer() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint8_t byte = u8();
      if (failed()) return 0;
      value |= static_cast<std::uint32_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) != 0) continue;
      if (byte == 0 && shift != 0) malformed("variable byte integer is not of minimal length");
      return failed() ? 0 : value;
    }
    malformed("variable byte integer is longer than four bytes");
    return 0;
  }

  ByteView binary() { return take(u16()); }
  std::string_view unchecked_text() { return as_text(binary()); }
  std::string_view text() {
    const std::string_view text = unchecked_text();
    if (is_mqtt_utf8(text)) return text;
    malformed("text is not well-formed UTF-8");
    return {};
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  ReasonCode reason_ = ReasonCode::success;
  std::string_view why_;
};

}  // namespace dunlin::mqtt
