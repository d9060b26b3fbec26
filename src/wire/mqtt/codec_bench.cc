// What one message costs in the codec: a PUBLISH of 16 and 1024 bytes, both ways.

#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "base/core/assert.h"
#include "wire/mqtt/decode.h"
#include "wire/mqtt/encode.h"
#include "wire/mqtt/topic.h"

namespace dunlin::mqtt {
namespace {

constexpr std::string_view kTopic = "demo/plant1/machine/press-01/temperature";

enum class Extras { none, properties };

struct Sample {
  explicit Sample(std::size_t payload_bytes, Extras extras) : body(payload_bytes, 'x') {
    publish.topic = kTopic;
    publish.payload = body;
    publish.qos = QoS::at_least_once;
    publish.packet_id = 1;
    if (extras == Extras::none) return;
    publish.properties.message_expiry_interval = 60;
    publish.properties.content_type = "application/json";
    publish.properties.user = UserProperties(user);
  }
  std::vector<std::uint8_t> encoded(ProtocolVersion version) const {
    std::vector<std::uint8_t> bytes(encoded_size(publish, version));
    DUNLIN_ASSERT(encode(publish, version, bytes));
    return bytes;
  }
  std::vector<std::uint8_t> body;
  std::array<UserProperty, 2> user = {UserProperty{"trace", "1234"}, UserProperty{"unit", "Cel"}};
  Publish publish;
};

void bench_decode(benchmark::State& state, ProtocolVersion version, Extras extras) {
  const Sample sample(static_cast<std::size_t>(state.range(0)), extras);
  const std::vector<std::uint8_t> bytes = sample.encoded(version);
  for ([[maybe_unused]] auto _ : state) {
    const FrameResult frame = frame_length(bytes, kMaxPacketBytes);
    auto packet = decode_publish({bytes.data(), frame.length}, version, Sender::client);
    benchmark::DoNotOptimize(packet);
  }
}

void bench_decode_any(benchmark::State& state, ProtocolVersion version) {
  const Sample sample(16, Extras::none);
  const std::vector<std::uint8_t> bytes = sample.encoded(version);
  for ([[maybe_unused]] auto _ : state) {
    auto packet = decode(bytes, version, Sender::client);
    benchmark::DoNotOptimize(packet);
  }
}

void bench_encode(benchmark::State& state, ProtocolVersion version, Extras extras) {
  const Sample sample(static_cast<std::size_t>(state.range(0)), extras);
  std::vector<std::uint8_t> bytes(2048);
  for ([[maybe_unused]] auto _ : state) {
    auto length = encode(sample.publish, version, bytes);
    benchmark::DoNotOptimize(length);
    benchmark::ClobberMemory();
  }
}

void bench_encode_header(benchmark::State& state, ProtocolVersion version, Extras extras) {
  const Sample sample(16, extras);
  std::array<std::uint8_t, 256> bytes;
  for ([[maybe_unused]] auto _ : state) {
    auto header = encode_publish_header(sample.publish, version, bytes);
    benchmark::DoNotOptimize(header);
    benchmark::ClobberMemory();
  }
}

void bench_ack(benchmark::State& state) {
  std::array<std::uint8_t, 8> bytes;
  for ([[maybe_unused]] auto _ : state) {
    const Ack ack{PacketType::puback, 7, ReasonCode::success, {}};
    const auto length = encode(ack, ProtocolVersion::v5, bytes);
    auto packet = decode({bytes.data(), *length}, ProtocolVersion::v5, Sender::client);
    benchmark::DoNotOptimize(packet);
  }
}

void bench_topic_matches(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    std::string_view topic = kTopic;
    benchmark::DoNotOptimize(topic);
    benchmark::DoNotOptimize(topic_matches("demo/+/machine/+/temperature", topic));
  }
}

constexpr auto kV3 = ProtocolVersion::v3_1_1;
constexpr auto kV5 = ProtocolVersion::v5;
BENCHMARK_CAPTURE(bench_decode, v3, kV3, Extras::none)->Arg(16)->Arg(1024);
BENCHMARK_CAPTURE(bench_decode, v5, kV5, Extras::none)->Arg(16)->Arg(1024);
BENCHMARK_CAPTURE(bench_decode, v5_properties, kV5, Extras::properties)->Arg(16);
BENCHMARK_CAPTURE(bench_decode_any, v5, kV5);
BENCHMARK_CAPTURE(bench_encode, v3, kV3, Extras::none)->Arg(16)->Arg(1024);
BENCHMARK_CAPTURE(bench_encode, v5, kV5, Extras::none)->Arg(16)->Arg(1024);
BENCHMARK_CAPTURE(bench_encode, v5_properties, kV5, Extras::properties)->Arg(16);
BENCHMARK_CAPTURE(bench_encode_header, v3, kV3, Extras::none);
BENCHMARK_CAPTURE(bench_encode_header, v5, kV5, Extras::none);
BENCHMARK_CAPTURE(bench_encode_header, v5_properties, kV5, Extras::properties);
BENCHMARK(bench_ack);
BENCHMARK(bench_topic_matches);

}  // namespace
}  // namespace dunlin::mqtt
