#pragma once
// WebSocket frames (RFC 6455 section 5) from and to bytes, without a socket. wslay reads and writes the
// frames; messages, their limits and the meaning of control frames are here.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/bytes.h"
#include "base/rng.h"
#include "base/slice.h"

namespace dunlin::net::websocket {

enum class Role { server, client };
enum class MessageKind { text, binary };

/// RFC 6455 section 7.4.1. Values of a peer may be any that is_valid_close_code allows.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_code = 1005,   // never sent: the close frame had none
  abnormal = 1006,  // never sent: the stream ended without a close frame
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  internal_error = 1011,
};
/// True for a code that may stand in a close frame.
bool is_valid_close_code(std::uint16_t code);

/// Why a peer's bytes were refused, and with which code the connection is to be closed.
struct Violation {
  CloseCode code;
  std::string_view why;  // static storage
};

/// Receives what the decoder has read. Views are valid during the call.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  virtual void on_message(MessageKind kind, ByteView payload) = 0;
  virtual void on_ping(ByteView payload) = 0;
  virtual void on_pong(ByteView payload) = 0;
  /// The last call. `code` is no_code if the frame had none.
  virtual void on_close(CloseCode code, std::string_view reason) = 0;
};

/// One direction of one connection. One thread.
class Decoder {
 public:
  /// `role` is this side's: a server takes masked frames only, a client unmasked ones only (section 5.1).
  Decoder(Role role, std::uint64_t max_message_bytes);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// Consumes all bytes. After a violation, a close frame or stop() the rest is thrown away.
  std::expected<void, Violation> feed(ByteView bytes, MessageSink& sink);
  /// From inside a sink's call: nothing further is delivered.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct Frame {
  Opcode opcode = Opcode::binary;
  enum class Position { last, more } position = Position::last;  // the FIN bit
  ByteView payload;
};

/// The bytes of one frame; masked with a fresh key from `mask_keys` unless that is null (a server's frames).
Slice encode_frame(const Frame& frame, Rng* mask_keys);
/// A close frame. The reason is cut at a character's border to kMaxCloseReason; no_code and abnormal send
/// none.
Slice encode_close(CloseCode code, std::string_view reason, Rng* mask_keys);

}  // namespace dunlin::net::websocket
