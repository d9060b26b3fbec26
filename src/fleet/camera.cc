#include "fleet/camera.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "base/time_text.h"

namespace dunlin::fleet {
namespace {

constexpr int kBeltTop = 130;
constexpr int kBeltHeight = 30;
constexpr int kPartSpacing = 70;   // pixels
constexpr double kBeltSpeed = 40;  // pixels a second

struct Glyph {
  char character;
  std::array<std::uint8_t, 7> rows;  // 5 bits each, the highest is the left one
};
constexpr std::array<Glyph, 13> kGlyphs{{
    {'0', {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}},
    {'1', {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e}},
    {'2', {0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f}},
    {'3', {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e}},
    {'4', {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}},
    {'5', {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e}},
    {'6', {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}},
    {'7', {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}},
    {'8', {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}},
    {'9', {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c}},
    {':', {0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x00}},
    {'-', {0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00}},
    {'.', {0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c}},
}};

struct Box {
  int left, top, width, height;
};

void fill(Picture& picture, Box box, Color color) {
  const int right = std::min(box.left + box.width, picture.width);
  const int bottom = std::min(box.top + box.height, picture.height);
  for (int y = std::max(box.top, 0); y < bottom; ++y) {
    for (int x = std::max(box.left, 0); x < right; ++x) picture.at(x, y) = color;
  }
}

Color shade(Color color, double factor) {
  const auto part = [factor](std::uint8_t level) {
    return static_cast<std::uint8_t>(std::clamp(level * factor, 0.0, 255.0));
  };
  return {part(color.red), part(color.green), part(color.blue)};
}

void write_text(Picture& picture, int left, int top, std::string_view text) {
  constexpr int kPixel = 2;
  for (const char character : text) {
    const auto glyph = std::ranges::find(kGlyphs, character, &Glyph::character);
    for (int row = 0; glyph != kGlyphs.end() && row < 7; ++row) {
      for (int column = 0; column < 5; ++column) {
        if ((glyph->rows[static_cast<std::size_t>(row)] >> (4 - column) & 1) == 0) continue;
        fill(picture, {left + column * kPixel, top + row * kPixel, kPixel, kPixel}, {255, 255, 255});
      }
    }
    left += 6 * kPixel;
  }
}

void draw_hall(Picture& picture) {
  for (int y = 0; y < picture.height; ++y) {
    const double light = 1.0 - 0.5 * y / picture.height;
    fill(picture, {0, y, picture.width, 1}, shade({120, 132, 148}, light));
  }
  for (int x = 20; x < picture.width; x += 100) fill(picture, {x, 40, 60, 34}, {186, 204, 220});
  fill(picture, {0, 205, picture.width, 35}, {66, 66, 70});
}

void draw_belt(Picture& picture, double moved) {
  fill(picture, {0, kBeltTop, picture.width, kBeltHeight}, {40, 42, 46});
  const int mark = static_cast<int>(std::fmod(moved, 20));
  for (int x = mark - 20; x < picture.width; x += 20) fill(picture, {x, kBeltTop, 3, 4}, {120, 120, 60});
  constexpr int kRadius = 11;
  for (int middle = 16; middle < picture.width; middle += 32) {
    for (int y = -kRadius; y <= kRadius; ++y) {
      for (int x = -kRadius; x <= kRadius; ++x) {
        if (x * x + y * y > kRadius * kRadius) continue;
        const double angle = std::atan2(y, x) - moved / kRadius;
        const bool spoke = std::fmod(angle + 62.831853, 1.5707963) < 0.35;
        const int px = middle + x, py = kBeltTop + 17 + y;
        if (px < picture.width) picture.at(px, py) = spoke ? Color{70, 74, 80} : Color{150, 154, 160};
      }
    }
  }
  for (int x = 30; x < picture.width; x += 128)
    fill(picture, {x, kBeltTop + kBeltHeight, 8, 45}, {90, 92, 98});
}

void draw_part(Picture& picture, int left, std::uint64_t number, std::uint64_t seed) {
  constexpr std::array<Color, 4> kColors{{{206, 92, 60}, {70, 130, 180}, {222, 184, 92}, {96, 160, 104}}};
  SeededRng rng(seed ^ number * 0x9e3779b97f4a7c15ULL);
  const Color color = kColors[rng.below(kColors.size())];
  const int width = 24 + static_cast<int>(rng.below(20));
  const int height = 20 + static_cast<int>(rng.below(30));
  const int top = kBeltTop - height;
  fill(picture, {left, top, width, height}, color);
  fill(picture, {left, top, width, 3}, shade(color, 1.25));
  fill(picture, {left + width - 4, top, 4, height}, shade(color, 0.7));
  const bool scratched = rng.below(12) == 0;  // something for an inspector to find
  for (int i = 0; scratched && i < std::min(width, height) - 8; ++i)
    fill(picture, {left + 4 + i, top + 4 + i, 2, 2}, {20, 20, 20});
}

}  // namespace

Picture draw_conveyor(Duration elapsed, WallTime time, std::uint64_t seed) {
  Picture picture(kCameraWidth, kCameraHeight);
  const double moved = kBeltSpeed * std::chrono::duration<double>(elapsed).count();
  draw_hall(picture);
  draw_belt(picture, moved);
  // Part k enters at the left when the belt has moved by k spacings.
  const auto newest = static_cast<std::int64_t>(moved / kPartSpacing);
  for (std::int64_t part = std::max<std::int64_t>(0, newest - 6); part <= newest; ++part) {
    const int left = static_cast<int>(moved - static_cast<double>(part * kPartSpacing)) - 44;
    draw_part(picture, left, static_cast<std::uint64_t>(part), seed);
  }
  std::string stamp = format_rfc3339(time).substr(0, 19);
  stamp[10] = ' ';
  fill(picture, {0, 216, kCameraWidth, 24}, {16, 16, 18});
  write_text(picture, 8, 221, stamp);
  return picture;
}

}  // namespace dunlin::fleet
