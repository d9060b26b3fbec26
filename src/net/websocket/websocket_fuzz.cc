// Decoder: any bytes, in any pieces, give the same messages and the same violation; memory stays below the
// limit.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/core/assert.h"
#include "net/websocket/codec.h"

namespace {

using namespace dunlin;
using namespace dunlin::net::websocket;

constexpr std::uint64_t kLimit = 4096;

struct Recorder final : MessageSink {
  std::string log;
  void note(char what, ByteView payload) {
    DUNLIN_ASSERT(payload.size() <= kLimit);
    log += what + std::to_string(payload.size()) + ':';
    log.append(as_text(payload));
  }
  void on_message(MessageKind kind, ByteView payload) override {
    note(kind == MessageKind::text ? 't' : 'b', payload);
  }
  void on_ping(ByteView payload) override { note('p', payload); }
  void on_pong(ByteView payload) override { note('o', payload); }
  void on_close(CloseCode code, std::string_view reason) override {
    log += 'c' + std::to_string(static_cast<int>(code));
    log += reason;
  }
};

std::string decode(ByteView bytes, Role role, std::size_t piece) {
  Decoder decoder(role, kLimit);
  Recorder recorder;
  while (!bytes.empty()) {
    const std::size_t length = std::min(piece, bytes.size());
    if (const auto result = decoder.feed(bytes.first(length), recorder); !result) {
      return recorder.log + '!' + std::string{result.error().why};
    }
    bytes = bytes.subspan(length);
  }
  return recorder.log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Role role = (data[0] & 1) != 0 ? Role::server : Role::client;
  const std::size_t piece = 1 + data[1] % 64;
  const ByteView bytes{data + 2, size - 2};
  const std::string whole = decode(bytes, role, size);
  DUNLIN_ASSERT(whole == decode(bytes, role, piece));
  DUNLIN_ASSERT(whole == decode(bytes, role, 1));
  // What is encoded is decoded.
  SeededRng rng(data[0]);
  const Slice frame = encode_frame(
      {.opcode = Opcode::binary, .payload = bytes.first(std::min<std::size_t>(bytes.size(), kLimit))},
      role == Role::server ? &rng : nullptr);
  Recorder expected;
  expected.on_message(MessageKind::binary, bytes.first(std::min<std::size_t>(bytes.size(), kLimit)));
  DUNLIN_ASSERT(decode(frame.view(), role, piece) == expected.log);
  return 0;
}
