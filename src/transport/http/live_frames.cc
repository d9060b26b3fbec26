#include "transport/http/live_frames.h"

#include <bit>
#include <cstring>

namespace dunlin::transport {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the frames are little endian; this machine needs a swap here");

template <class Number>
void append(std::string& out, Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

std::string begin_frame(std::uint8_t kind, std::uint32_t count) {
  std::string frame{static_cast<char>(kind), 1, 0, 0};
  append(frame, count);
  return frame;
}

}  // namespace

std::string encode_samples(const std::vector<LiveSample>& samples) {
  std::string frame = begin_frame(1, static_cast<std::uint32_t>(samples.size()));
  frame.reserve(frame.size() + samples.size() * 20 + 4);
  for (const LiveSample& sample : samples) append(frame, sample.series);
  if (samples.size() % 2 != 0) append(frame, std::uint32_t{0});  // so that the columns of 8 bytes are aligned
  for (const LiveSample& sample : samples) append(frame, sample.time_ms);
  for (const LiveSample& sample : samples) append(frame, sample.value);
  return frame;
}

std::string encode_picture(std::string_view bytes) {
  return begin_frame(2, static_cast<std::uint32_t>(bytes.size())).append(bytes);
}

}  // namespace dunlin::transport
