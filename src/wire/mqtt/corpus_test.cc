// The committed inputs of the fuzz target, and a way to write new ones.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "wire/mqtt/encode.h"
#include "wire/mqtt/fuzz_property.h"
#include "wire/mqtt/random_packet.h"

namespace dunlin::mqtt {
namespace {

using test::Bytes;

// One stream per side and version, of a few packets each, small enough for the fuzzer to mutate well.
Bytes seed_input(std::uint64_t seed) {
  const auto choice = static_cast<std::uint8_t>(seed & 3);
  const ProtocolVersion version = (choice & 1) != 0 ? ProtocolVersion::v5 : ProtocolVersion::v3_1_1;
  const Sender sender = (choice & 2) != 0 ? Sender::server : Sender::client;
  test::RandomPackets random(seed);
  Bytes input = {choice};
  for (int i = 0; i < 2; ++i) {
    const Packet packet = random.next(version, sender);
    const auto* connect = std::get_if<Connect>(&packet);
    Bytes bytes(encoded_size(packet, connect != nullptr ? connect->version : version));
    EXPECT_TRUE(encode(packet, version, bytes));
    input.insert(input.end(), bytes.begin(), bytes.end());
  }
  return input;
}

// `DUNLIN_WRITE_CORPUS=folder` writes the seeds there instead of only checking them.
TEST(MqttCorpus, SeedsAreValidStreams) {
  const char* folder = std::getenv("DUNLIN_WRITE_CORPUS");
  for (std::uint64_t seed = 0; seed < 48; ++seed) {
    const Bytes input = seed_input(seed);
    EXPECT_EQ(test::check_input(input), 2U) << seed;
    if (folder == nullptr) continue;
    std::ofstream file(std::filesystem::path(folder) / ("seed-" + std::to_string(seed)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  }
}

TEST(MqttCorpus, EveryFileHolds) {
  std::size_t files = 0;
  std::size_t packets = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(DUNLIN_SOURCE_DIR "/src/wire/mqtt/corpus")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    packets += test::check_input(as_bytes(text));
    ++files;
  }
  EXPECT_GE(files, 48U);
  EXPECT_GE(packets, 90U);
}

}  // namespace
}  // namespace dunlin::mqtt
