#pragma once
// Pictures in memory and their baseline JPEG form (ITU-T T.81, JFIF 1.02).

#include <cstdint>
#include <vector>

#include "base/core/bytes.h"

namespace dunlin::fleet {

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
  friend bool operator==(const Color&, const Color&) = default;
};

/// `width` times `height` pixels, row by row from the top left.
struct Picture {
  Picture(int width_in, int height_in, Color fill = {})
      : width(width_in), height(height_in), pixels(static_cast<std::size_t>(width_in) * height_in, fill) {}
  Color& at(int x, int y) { return pixels[static_cast<std::size_t>(y) * width + x]; }
  const Color& at(int x, int y) const { return pixels[static_cast<std::size_t>(y) * width + x]; }

  int width;
  int height;
  std::vector<Color> pixels;
};

/// Baseline, three components (YCbCr), no subsampling, the example Huffman tables of T.81 annex K.
/// `quality` is 1..100; both sides are 1..kMaxPictureSide.
std::vector<std::uint8_t> encode_jpeg(const Picture& picture, int quality);

}  // namespace dunlin::fleet
