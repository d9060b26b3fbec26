#pragma once
// The binary frames of /api/live. Format: docs/protocols/live.md.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::transport {

struct LiveSample {
  std::uint32_t series = 0;
  double time_ms = 0;
  double value = 0;
};

/// Kind 1: the samples in columns.
std::string encode_samples(const std::vector<LiveSample>& samples);
/// Kind 2: a picture.
std::string encode_picture(std::string_view bytes);

}  // namespace dunlin::transport
