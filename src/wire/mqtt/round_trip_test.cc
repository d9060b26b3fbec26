// What holds for every packet: encoding and decoding are inverse, however the stream is cut and whatever is
// missing.

#include <gtest/gtest.h>

#include <array>

#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"
#include "wire/mqtt/packet_equal.h"
#include "wire/mqtt/random_packet.h"
#include "wire/mqtt/test_bytes.h"

namespace dunlin::mqtt {
namespace {

using test::Bytes;
using test::RandomPackets;

constexpr std::array kVersions = {ProtocolVersion::v3_1_1, ProtocolVersion::v5};
constexpr std::array kSenders = {Sender::client, Sender::server};

Bytes encoded(const Packet& packet, ProtocolVersion version) {
  Bytes bytes(encoded_size(packet, version));
  const auto length = encode(packet, version, bytes);
  EXPECT_TRUE(length) << (length ? "" : length.error().context);
  EXPECT_EQ(length.value_or(0), bytes.size());
  return bytes;
}

template <class F>
void for_each_side(const F& f) {
  for (const ProtocolVersion version : kVersions) {
    for (const Sender sender : kSenders) f(version, sender);
  }
}

TEST(MqttRoundTrip, DecodeEncodeIsIdentity) {
  for_each_side([](ProtocolVersion version, Sender sender) {
    std::array<int, 16> seen{};
    for (std::uint64_t seed = 0; seed < 4000; ++seed) {
      RandomPackets random(seed);
      const Packet packet = random.next(version, sender);
      const Bytes bytes = encoded(packet, version);
      ASSERT_FALSE(bytes.empty()) << packet_type_name(packet_type(packet)) << " seed " << seed;
      const auto decoded = decode(bytes, version, sender);
      ASSERT_TRUE(decoded) << packet_type_name(packet_type(packet)) << " seed " << seed << ": "
                           << decoded.error().why;
      ASSERT_TRUE(test::same(packet, *decoded)) << packet_type_name(packet_type(packet)) << " seed " << seed;
      ASSERT_EQ(encoded(*decoded, version), bytes) << "seed " << seed;
      ++seen[static_cast<std::size_t>(packet_type(packet))];
    }
    const int kinds = static_cast<int>(std::count_if(seen.begin(), seen.end(), [](int n) { return n > 0; }));
    const bool v5 = version == ProtocolVersion::v5;
    EXPECT_EQ(kinds, sender == Sender::client ? (v5 ? 11 : 10) : (v5 ? 11 : 9));
  });
}

TEST(MqttRoundTrip, BufferOneByteTooSmallIsRefused) {
  for_each_side([](ProtocolVersion version, Sender sender) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      RandomPackets random(seed);
      const Packet packet = random.next(version, sender);
      Bytes bytes(encoded_size(packet, version) - 1);
      const auto length = encode(packet, version, bytes);
      ASSERT_FALSE(length);
      EXPECT_EQ(length.error().code, Errc::limit_exceeded);
    }
  });
}

// Takes the packets off the stream as a connection does that is offered `step` more bytes each time.
std::vector<Bytes> frames_of(const Bytes& stream, std::size_t step) {
  std::vector<Bytes> frames;
  Bytes kept;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    const auto from = stream.begin() + static_cast<std::ptrdiff_t>(at);
    kept.insert(kept.end(), from, from + static_cast<std::ptrdiff_t>(std::min(step, stream.size() - at)));
    for (;;) {
      const FrameResult frame = frame_length(kept, kMaxPacketBytes);
      EXPECT_NE(frame.status, FrameResult::Status::error);
      if (frame.status != FrameResult::Status::complete) break;
      const auto end = kept.begin() + static_cast<std::ptrdiff_t>(frame.length);
      frames.emplace_back(kept.begin(), end);
      kept.erase(kept.begin(), end);
    }
  }
  EXPECT_TRUE(kept.empty());
  return frames;
}

TEST(MqttStream, EveryChunkSizeGivesTheSamePackets) {
  for_each_side([](ProtocolVersion version, Sender sender) {
    RandomPackets random(7);
    std::vector<Bytes> packets;
    Bytes stream;
    for (int i = 0; i < 25; ++i) {
      packets.push_back(encoded(random.next(version, sender), version));
      stream.insert(stream.end(), packets.back().begin(), packets.back().end());
    }
    for (std::size_t step = 1; step < 300; ++step) ASSERT_EQ(frames_of(stream, step), packets) << step;
    ASSERT_EQ(frames_of(stream, stream.size()), packets);
  });
}

TEST(MqttStream, EverySplitPositionGivesTheSamePackets) {
  RandomPackets random(11);
  Bytes stream;
  for (int i = 0; i < 10; ++i) {
    const Bytes packet = encoded(random.next(ProtocolVersion::v5, Sender::client), ProtocolVersion::v5);
    stream.insert(stream.end(), packet.begin(), packet.end());
  }
  const std::vector<Bytes> whole = frames_of(stream, stream.size());
  for (std::size_t split = 1; split < stream.size(); ++split) {
    // Two chunks: the frames that are complete in the first, then the rest.
    std::vector<Bytes> frames;
    std::size_t taken = 0;
    for (const std::size_t end : {split, stream.size()}) {
      for (;;) {
        const ByteView rest(stream.data() + taken, end - taken);
        const FrameResult frame = frame_length(rest, kMaxPacketBytes);
        if (frame.status != FrameResult::Status::complete) break;
        frames.emplace_back(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(frame.length));
        taken += frame.length;
      }
    }
    ASSERT_EQ(frames, whole) << split;
  }
}

TEST(MqttStream, TruncationIsNeverAPacket) {
  for_each_side([](ProtocolVersion version, Sender sender) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      RandomPackets random(seed);
      const Bytes bytes = encoded(random.next(version, sender), version);
      for (std::size_t length = 0; length < bytes.size(); ++length) {
        // In memory of its own, so that a read past the end is seen by the address sanitizer.
        const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        ASSERT_EQ(frame_length(cut, kMaxPacketBytes).status, FrameResult::Status::need_more);
        ASSERT_FALSE(decode(cut, version, sender)) << "seed " << seed << " length " << length;
      }
    }
  });
}

// The body is cut and the header tells so: every field is then the last one once.
TEST(MqttStream, BodyCutAtEveryByteNeverReadsBeyond) {
  std::size_t refused = 0;
  for_each_side([&refused](ProtocolVersion version, Sender sender) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      RandomPackets random(seed);
      const Bytes bytes = encoded(random.next(version, sender), version);
      const std::size_t header = 1 + variable_byte_size(bytes.size());
      for (std::size_t body = 0; header + body < bytes.size(); ++body) {
        Bytes cut(kMaxFixedHeaderBytes);
        Writer writer(cut);
        writer.u8(bytes[0]);
        writer.variable_byte_integer(body);
        cut.resize(writer.size());
        cut.insert(cut.end(), bytes.begin() + static_cast<std::ptrdiff_t>(header),
                   bytes.begin() + static_cast<std::ptrdiff_t>(header + body));
        cut.shrink_to_fit();
        const auto packet = decode(cut, version, sender);
        if (!packet) {
          ++refused;
          ASSERT_NE(packet.error().reason, ReasonCode::success);
          ASSERT_FALSE(packet.error().why.empty());
        } else {
          ASSERT_GT(encoded_size(*packet, version), 0U);
        }
      }
    }
  });
  EXPECT_GT(refused, 10'000U);
}

TEST(MqttStream, DamagedPacketsAreRefusedOrStillRoundTrip) {
  std::size_t accepted = 0;
  for_each_side([&accepted](ProtocolVersion version, Sender sender) {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      RandomPackets random(seed);
      Bytes bytes = encoded(random.next(version, sender), version);
      for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
        bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.below(256));
      }
      const auto packet = decode(bytes, version, sender);
      if (!packet) continue;
      ++accepted;
      const auto* connect = std::get_if<Connect>(&*packet);
      const ProtocolVersion spoken = connect != nullptr ? connect->version : version;
      const Bytes again = encoded(*packet, spoken);
      const auto second = decode(again, spoken, sender);
      ASSERT_TRUE(second) << second.error().why;
      ASSERT_TRUE(test::same(*packet, *second)) << "seed " << seed;
    }
  });
  EXPECT_GT(accepted, 1000U);
}

}  // namespace
}  // namespace dunlin::mqtt
