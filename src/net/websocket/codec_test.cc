#include "net/websocket/codec.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "net/websocket/limits.h"

namespace dunlin::net::websocket {
namespace {

struct Recorder final : MessageSink {
  std::vector<std::string> events;
  void on_message(MessageKind kind, ByteView payload) override {
    events.push_back((kind == MessageKind::text ? "text:" : "binary:") + std::string{as_text(payload)});
  }
  void on_ping(ByteView payload) override { events.push_back("ping:" + std::string{as_text(payload)}); }
  void on_pong(ByteView payload) override { events.push_back("pong:" + std::string{as_text(payload)}); }
  void on_close(CloseCode code, std::string_view reason) override {
    events.push_back("close:" + std::to_string(static_cast<int>(code)) + ":" + std::string{reason});
  }
};

struct Outcome {
  std::vector<std::string> events;
  int violation = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

template <class NextLength>
Outcome decode_in(ByteView bytes, Role role, std::uint64_t limit, NextLength next_length) {
  Decoder decoder(role, limit);
  Recorder recorder;
  Outcome outcome;
  while (!bytes.empty() && outcome.violation == 0) {
    const std::size_t length = std::min<std::size_t>(bytes.size(), next_length());
    const auto result = decoder.feed(bytes.first(length), recorder);
    if (!result) outcome.violation = static_cast<int>(result.error().code);
    bytes = bytes.subspan(length);
  }
  outcome.events = recorder.events;
  return outcome;
}

/// In one piece; the same one byte at a time.
Outcome decode(ByteView bytes, Role role, std::uint64_t limit = 1000) {
  const Outcome whole = decode_in(bytes, role, limit, [&] { return bytes.size(); });
  EXPECT_EQ(whole, decode_in(bytes, role, limit, [] { return 1; }));
  return whole;
}
Outcome decode_hex(std::string_view hex, Role role, std::uint64_t limit = 1000) {
  const auto bytes = from_hex(hex).value();
  return decode(bytes, role, limit);
}
std::string frame_hex(Opcode opcode, std::string_view payload) {
  return to_hex(encode_frame({.opcode = opcode, .payload = as_bytes(payload)}, nullptr).view());
}

// RFC 6455 section 5.7.
TEST(WebSocketGolden, UnmaskedText) {
  EXPECT_EQ(decode_hex("810548656c6c6f", Role::client).events, std::vector<std::string>{"text:Hello"});
  EXPECT_EQ(frame_hex(Opcode::text, "Hello"), "810548656c6c6f");
}
TEST(WebSocketGolden, MaskedText) {
  EXPECT_EQ(decode_hex("818537fa213d7f9f4d5158", Role::server).events,
            std::vector<std::string>{"text:Hello"});
}
TEST(WebSocketGolden, FragmentedText) {
  EXPECT_EQ(decode_hex("010348656c80026c6f", Role::client).events, std::vector<std::string>{"text:Hello"});
}
TEST(WebSocketGolden, PingAndPong) {
  EXPECT_EQ(decode_hex("890548656c6c6f", Role::client).events, std::vector<std::string>{"ping:Hello"});
  EXPECT_EQ(decode_hex("8a8537fa213d7f9f4d5158", Role::server).events,
            std::vector<std::string>{"pong:Hello"});
}
TEST(WebSocketGolden, LongBinary) {
  const std::string medium(256, 'm'), large(65536, 'l');
  EXPECT_TRUE(frame_hex(Opcode::binary, medium).starts_with("827e01006d6d"));
  EXPECT_TRUE(frame_hex(Opcode::binary, large).starts_with("827f00000000000100006c6c"));
  for (const std::string& payload : {medium, large}) {
    const Slice bytes = encode_frame({.opcode = Opcode::binary, .payload = as_bytes(payload)}, nullptr);
    EXPECT_EQ(decode(bytes.view(), Role::client, 65536).events,
              std::vector<std::string>{"binary:" + payload});
  }
}

TEST(WebSocketDecoder, ControlFramesMayStandBetweenFragments) {
  EXPECT_EQ(decode_hex("01016189017082"
                       "00"
                       "80",
                       Role::client)
                .violation,
            1002);  // a message within a message
  EXPECT_EQ(decode_hex("0101618901708001628a00", Role::client).events,
            (std::vector<std::string>{"ping:p", "text:ab", "pong:"}));
}

TEST(WebSocketDecoder, EmptyMessagesCount) {
  EXPECT_EQ(decode_hex("8200"
                       "0100"
                       "0000"
                       "8000",
                       Role::client)
                .events,
            (std::vector<std::string>{"binary:", "text:"}));
}

TEST(WebSocketDecoder, RefusesBrokenFrames) {
  const std::pair<const char*, int> rows[] = {
      {"c100", 1002},      // RSV1
      {"a100", 1002},      // RSV2
      {"9100", 1002},      // RSV3
      {"8300", 1002},      // a reserved data opcode
      {"8b00", 1002},      // a reserved control opcode
      {"0900", 1002},      // a fragmented ping
      {"897e007e", 1002},  // a ping of 126 bytes
      {"8000", 1002},      // a continuation of nothing
      {"010161"
       "810162",
       1002},              // text within text
      {"827e007d", 1002},  // a length that is not the shortest
      {"827f000000000000ffff", 1002},
      {"827fffffffffffffffff", 1002},  // the highest bit of a length
      {"880103", 1002},                // half a close code
      {"880203ed", 1002},              // 1005
      {"880203ec", 1002},              // 1004
      {"88020bb7", 1002},              // 2999
      {"88021388", 1002},              // 5000
      {"880303e8ff", 1007},            // a reason that is not UTF-8
      {"8102c328", 1007},              // text that is not UTF-8
      {"8103eda080", 1007},            // a surrogate
      {"0101c3800128", 1007},          // bad across fragments
      {"8181000000006161", 1002},      // masked by a server
  };
  for (const auto& [hex, code] : rows) EXPECT_EQ(decode_hex(hex, Role::client).violation, code) << hex;
}

TEST(WebSocketDecoder, TextMayBeCutInsideACharacter) {
  EXPECT_EQ(decode_hex("0101c38001bc", Role::client).events, std::vector<std::string>{"text:\xc3\xbc"});
}

TEST(WebSocketDecoder, RefusesFramesOfAClientThatAreNotMasked) {
  EXPECT_EQ(decode_hex("810548656c6c6f", Role::server).violation, 1002);
  EXPECT_EQ(decode_hex("8900", Role::server).violation, 1002);
}

TEST(WebSocketDecoder, LimitsMessages) {
  EXPECT_EQ(decode_hex("820461626364", Role::client, 4).violation, 0);
  EXPECT_EQ(decode_hex("82056162636465", Role::client, 4).violation, 1009);
  EXPECT_EQ(decode_hex("0203616263"
                       "80026465",
                       Role::client, 4)
                .violation,
            1009);
  EXPECT_EQ(decode_hex("827f7fffffffffffffff61", Role::client, 4).violation, 1009);
  std::vector<std::uint8_t> many = {0x02, 0x00};
  for (std::size_t i = 0; i < kMaxFragments; ++i) many.insert(many.end(), {0x00, 0x00});
  EXPECT_EQ(decode(many, Role::client).violation, 1008);
}

TEST(WebSocketDecoder, NothingFollowsAClose) {
  EXPECT_EQ(decode_hex("880503e8627965"
                       "8900",
                       Role::client)
                .events,
            std::vector<std::string>{"close:1000:bye"});
  EXPECT_EQ(decode_hex("8800"
                       "c100",
                       Role::client)
                .events,
            std::vector<std::string>{"close:1005:"});
}

TEST(WebSocketEncoder, CloseReasonsAreCutAtACharacter) {
  std::string reason(122, 'a');
  reason += "ü";
  const Slice frame = encode_close(CloseCode::normal, reason, nullptr);
  EXPECT_EQ(decode(frame.view(), Role::client).events,
            std::vector<std::string>{"close:1000:" + std::string(122, 'a')});
  EXPECT_EQ(to_hex(encode_close(CloseCode::no_code, "x", nullptr).view()), "8800");
}

TEST(WebSocketRoundTrip, RandomMessagesInRandomPieces) {
  SeededRng rng(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint8_t> bytes;
    std::vector<std::string> sent;
    for (int i = 0; i < 10; ++i) {
      std::string payload(rng.below(i == 0 ? 70'000 : 300), 'x');
      for (char& c : payload) c = static_cast<char>('a' + rng.below(26));
      const Slice frame = encode_frame({.opcode = Opcode::binary, .payload = as_bytes(payload)}, &rng);
      bytes.insert(bytes.end(), frame.view().begin(), frame.view().end());
      sent.push_back("binary:" + payload);
    }
    EXPECT_EQ(decode_in(bytes, Role::server, 100'000, [&] { return 1 + rng.below(9000); }).events, sent);
  }
}

}  // namespace
}  // namespace dunlin::net::websocket
