// Topics and payloads of devices: whatever arrives, the samples that come out keep to the limits.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "model/mapping.h"

using namespace dunlin;

/// The first line is the topic's last levels, the rest the payload.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const model::Mapping kMapping = model::Mapping::standard();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  hub::Message message;
  message.topic = Slice::copy_of("p/s/" + std::string(input.substr(0, line)));
  message.payload = Slice::copy_of(input.substr(line + 1));
  message.received_at = from_unix_milliseconds(1'700'000'000'000);
  const auto mapped = kMapping.samples_of(message);
  if (!mapped) return 0;
  DUNLIN_ASSERT(!mapped->samples.empty() && mapped->samples.size() <= model::kMaxSamplesPerMessage);
  for (const model::Sample& sample : mapped->samples) {
    DUNLIN_ASSERT(!sample.device.empty() && sample.device.size() <= model::kMaxChannelBytes);
    DUNLIN_ASSERT(!sample.channel.empty() && sample.channel.size() <= model::kMaxChannelBytes);
    DUNLIN_ASSERT(sample.t_source >= WallTime{});
  }
  return 0;
}
