#include "net/websocket/codec.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/core/assert.h"
#include "base/core/utf8.h"
#include "net/websocket/limits.h"

namespace dunlin::net::websocket {
namespace {

struct ContextDeleter {
  void operator()(wslay_frame_context* context) const { wslay_frame_context_free(context); }
};
using Context = std::unique_ptr<wslay_frame_context, ContextDeleter>;

Context make_context(const wslay_frame_callbacks& callbacks, void* user) {
  wslay_frame_context_ptr context = nullptr;
  const int failed = wslay_frame_context_init(&context, &callbacks, user);
  DUNLIN_ASSERT(failed == 0);  // out of memory
  return Context{context};
}

bool is_control(std::uint8_t opcode) {
  return (opcode & 8) != 0;
}

/// What encode_frame collects.
struct Output {
  std::vector<std::uint8_t> bytes;
  Rng* mask_keys;
};

ssize_t append_output(const std::uint8_t* data, std::size_t length, int, void* user) {
  auto& output = *static_cast<Output*>(user);
  output.bytes.insert(output.bytes.end(), data, data + length);
  return static_cast<ssize_t>(length);
}

int make_mask(std::uint8_t* key, std::size_t length, void* user) {
  static_cast<Output*>(user)->mask_keys->fill({key, length});
  return 0;
}

}  // namespace

bool is_valid_close_code(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

struct Decoder::Impl {
  Role role;
  std::uint64_t max_message_bytes;
  Context context;
  ByteView input;  // what wslay may still read in this feed()
  bool stopped = false;

  std::vector<std::uint8_t> message;
  std::optional<MessageKind> kind;  // of the message whose fragments are being collected
  std::size_t fragments = 0;
  std::vector<std::uint8_t> control;
  std::optional<std::uint64_t> frame_left;  // of the frame whose payload is being read

  Impl(Role own_role, std::uint64_t max_bytes) : role(own_role), max_message_bytes(max_bytes) {
    wslay_frame_callbacks callbacks{};
    callbacks.recv_callback = [](std::uint8_t* to, std::size_t length, int, void* user) {
      auto& self = *static_cast<Impl*>(user);
      const std::size_t taken = std::min(length, self.input.size());
      // wslay takes anything but a positive number for "no more now".
      if (taken == 0) return ssize_t{-1};
      std::copy_n(self.input.begin(), taken, to);
      self.input = self.input.subspan(taken);
      return static_cast<ssize_t>(taken);
    };
    context = make_context(callbacks, this);
  }

  /// The checks of a frame's header (sections 5.1, 5.2, 5.4, 5.5).
  std::optional<Violation> begin_frame(const wslay_frame_iocb& frame) {
    if (frame.rsv != 0) return Violation{CloseCode::protocol_error, "a reserved bit is set"};
    if ((frame.mask != 0) != (role == Role::server)) {
      return Violation{CloseCode::protocol_error,
                       role == Role::server ? "a frame is not masked" : "a frame is masked"};
    }
    frame_left = frame.payload_length;
    if (is_control(frame.opcode)) return begin_control(frame);
    switch (frame.opcode) {
      case WSLAY_TEXT_FRAME:
      case WSLAY_BINARY_FRAME:
        if (kind) return Violation{CloseCode::protocol_error, "a message begins within another"};
        kind = frame.opcode == WSLAY_TEXT_FRAME ? MessageKind::text : MessageKind::binary;
        break;
      case WSLAY_CONTINUATION_FRAME:
        if (!kind) return Violation{CloseCode::protocol_error, "a continuation without a message"};
        break;
      default:
        return Violation{CloseCode::protocol_error, "an unknown opcode"};
    }
    if (++fragments > kMaxFragments)
      return Violation{CloseCode::policy_violation, "a message has too many frames"};
    if (frame.payload_length > max_message_bytes - message.size()) {
      return Violation{CloseCode::message_too_big, "a message is too large"};
    }
    return std::nullopt;
  }

  std::optional<Violation> begin_control(const wslay_frame_iocb& frame) {
    const bool known =
        frame.opcode == WSLAY_CONNECTION_CLOSE || frame.opcode == WSLAY_PING || frame.opcode == WSLAY_PONG;
    if (!known) return Violation{CloseCode::protocol_error, "an unknown opcode"};
    if (frame.fin == 0) return Violation{CloseCode::protocol_error, "a control frame is fragmented"};
    if (frame.payload_length > kMaxControlPayload)
      return Violation{CloseCode::protocol_error, "a control frame is too large"};
    control.clear();
    return std::nullopt;
  }

  std::optional<Violation> end_frame(const wslay_frame_iocb& frame, MessageSink& sink) {
    frame_left.reset();
    switch (frame.opcode) {
      case WSLAY_PING:
        sink.on_ping(control);
        return std::nullopt;
      case WSLAY_PONG:
        sink.on_pong(control);
        return std::nullopt;
      case WSLAY_CONNECTION_CLOSE:
        return end_close(sink);
      default:
        break;
    }
    if (frame.fin == 0) return std::nullopt;
    const MessageKind complete = *std::exchange(kind, std::nullopt);
    fragments = 0;
    if (complete == MessageKind::text && !is_valid_utf8(as_text(message))) {
      return Violation{CloseCode::invalid_payload, "a text message is not UTF-8"};
    }
    sink.on_message(complete, message);
    message.clear();
    // One large message must not hold its memory for the life of the connection.
    if (message.capacity() > kMaxBatchBytes) message.shrink_to_fit();
    return std::nullopt;
  }

  std::optional<Violation> end_close(MessageSink& sink) {
    stopped = true;
    if (control.empty()) {
      sink.on_close(CloseCode::no_code, {});
      return std::nullopt;
    }
    if (control.size() == 1) return Violation{CloseCode::protocol_error, "a close frame holds half a code"};
    const auto code = static_cast<std::uint16_t>(control[0] << 8 | control[1]);
    if (!is_valid_close_code(code))
      return Violation{CloseCode::protocol_error, "a close frame holds a forbidden code"};
    const auto reason = as_text(control).substr(2);
    if (!is_valid_utf8(reason))
      return Violation{CloseCode::invalid_payload, "the reason of a close frame is not UTF-8"};
    sink.on_close(static_cast<CloseCode>(code), reason);
    return std::nullopt;
  }

  /// What one call of wslay brought: a part of a frame, or all of it.
  std::optional<Violation> take(const wslay_frame_iocb& frame, MessageSink& sink) {
    if (!frame_left) {
      if (auto violation = begin_frame(frame)) return violation;
    }
    auto& target = is_control(frame.opcode) ? control : message;
    target.insert(target.end(), frame.data, frame.data + frame.data_length);
    *frame_left -= frame.data_length;
    if (*frame_left > 0) return std::nullopt;
    return end_frame(frame, sink);
  }
};

Decoder::Decoder(Role role, std::uint64_t max_message_bytes)
    : impl_(std::make_unique<Impl>(role, max_message_bytes)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

void Decoder::stop() {
  impl_->stopped = true;
}

std::expected<void, Violation> Decoder::feed(ByteView bytes, MessageSink& sink) {
  impl_->input = bytes;
  while (!impl_->stopped) {
    wslay_frame_iocb frame{};
    const std::size_t before = impl_->input.size();
    const ssize_t got = wslay_frame_recv(impl_->context.get(), &frame);
    if (got == WSLAY_ERR_WANT_READ) {
      if (impl_->input.empty() || impl_->input.size() == before) break;
      continue;
    }
    std::optional<Violation> violation;
    if (got < 0) {
      violation = Violation{CloseCode::protocol_error, "a frame header is malformed"};
    } else {
      violation = impl_->take(frame, sink);
    }
    if (violation) {
      impl_->stopped = true;
      return std::unexpected(*violation);
    }
  }
  return {};
}

Slice encode_frame(const Frame& frame, Rng* mask_keys) {
  Output output{.bytes = {}, .mask_keys = mask_keys};
  output.bytes.reserve((mask_keys != nullptr ? frame.payload.size() : 0) + 14);
  wslay_frame_callbacks callbacks{};
  callbacks.send_callback = append_output;
  callbacks.genmask_callback = make_mask;
  const Context context = make_context(callbacks, &output);
  wslay_frame_iocb iocb{};
  iocb.fin = frame.position == Frame::Position::last ? 1 : 0;
  iocb.opcode = static_cast<std::uint8_t>(frame.opcode);
  iocb.mask = mask_keys != nullptr ? 1 : 0;
  iocb.payload_length = frame.payload.size();
  if (mask_keys == nullptr) {
    // The header alone, then the payload without a copy through wslay.
    wslay_frame_send(context.get(), &iocb);
    DUNLIN_ASSERT(!output.bytes.empty());
    return Slice::concat(output.bytes, frame.payload);
  }
  ByteView left = frame.payload;
  while (true) {
    iocb.data = left.data();
    iocb.data_length = left.size();
    const ssize_t sent = wslay_frame_send(context.get(), &iocb);
    DUNLIN_ASSERT(sent >= 0);  // the output takes everything
    left = left.subspan(static_cast<std::size_t>(sent));
    if (left.empty()) return Slice::copy_of(output.bytes);
  }
}

Slice encode_close(CloseCode code, std::string_view reason, Rng* mask_keys) {
  std::vector<std::uint8_t> payload;
  if (code != CloseCode::no_code && code != CloseCode::abnormal) {
    const auto number = static_cast<std::uint16_t>(code);
    payload = {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xff)};
    std::size_t length = std::min(reason.size(), kMaxCloseReason);
    while (length > 0 && length < reason.size() &&
           (static_cast<unsigned char>(reason[length]) & 0xc0) == 0x80)
      --length;
    const auto cut = as_bytes(reason.substr(0, length));
    payload.insert(payload.end(), cut.begin(), cut.end());
  }
  return encode_frame({.opcode = Opcode::close, .payload = payload}, mask_keys);
}

}  // namespace dunlin::net::websocket
