#include "fleet/jpeg.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/rng.h"
#include "fleet/camera.h"
#if DUNLIN_TEST_LIBJPEG
#include <jpeglib.h>
#endif

namespace dunlin::fleet {
namespace {

Picture noise(int width, int height) {
  SeededRng rng(9);
  Picture picture(width, height);
  for (Color& color : picture.pixels) {
    const auto any = [&rng] { return static_cast<std::uint8_t>(rng.below(256)); };
    color = {any(), any(), any()};
  }
  return picture;
}

/// The markers before the picture's data, and where that data begins.
struct Head {
  std::vector<int> markers;
  std::size_t data = 0;
};

Head read_head(const std::vector<std::uint8_t>& bytes) {
  Head head;
  std::size_t at = 2;
  while (at + 4 <= bytes.size()) {
    EXPECT_EQ(bytes[at], 0xff);
    head.markers.push_back(bytes[at + 1]);
    const std::size_t length = static_cast<std::size_t>(bytes[at + 2]) << 8 | bytes[at + 3];
    at += 2 + length;
    if (head.markers.back() == 0xda) break;
  }
  head.data = at;
  return head;
}

TEST(Jpeg, HasTheMarkersOfABaselinePicture) {
  const std::vector<std::uint8_t> bytes = encode_jpeg(noise(33, 17), 80);
  ASSERT_GT(bytes.size(), 600U);
  EXPECT_EQ(bytes[0], 0xff);
  EXPECT_EQ(bytes[1], 0xd8);
  const Head head = read_head(bytes);
  EXPECT_EQ(head.markers, (std::vector<int>{0xe0, 0xdb, 0xdb, 0xc0, 0xc4, 0xc4, 0xc4, 0xc4, 0xda}));
  EXPECT_EQ(bytes[bytes.size() - 2], 0xff);
  EXPECT_EQ(bytes.back(), 0xd9);
  for (std::size_t i = head.data; i + 2 < bytes.size(); ++i) {
    EXPECT_TRUE(bytes[i] != 0xff || bytes[i + 1] == 0) << "no marker inside the data";
  }
}

TEST(Jpeg, QualityDecidesTheSize) {
  const Picture scene = draw_conveyor(std::chrono::seconds{20}, WallTime{}, 1);
  const std::size_t low = encode_jpeg(scene, 20).size(), high = encode_jpeg(scene, 95).size();
  EXPECT_LT(low, high);
  EXPECT_LT(low, 12'000U);
  EXPECT_EQ(encode_jpeg(scene, 75), encode_jpeg(scene, 75));
}

TEST(Camera, TheBeltMovesAndTheTimeStands) {
  const Picture one = draw_conveyor(std::chrono::seconds{20}, WallTime{}, 1);
  EXPECT_EQ(one.width, kCameraWidth);
  EXPECT_EQ(one.height, kCameraHeight);
  EXPECT_EQ(one.pixels, draw_conveyor(std::chrono::seconds{20}, WallTime{}, 1).pixels);
  EXPECT_NE(one.pixels, draw_conveyor(std::chrono::seconds{21}, WallTime{}, 1).pixels);
  EXPECT_NE(one.pixels, draw_conveyor(std::chrono::seconds{20}, WallTime{std::chrono::hours{7}}, 1).pixels);
  EXPECT_NE(one.pixels, draw_conveyor(std::chrono::seconds{20}, WallTime{}, 2).pixels);
  EXPECT_NO_FATAL_FAILURE(draw_conveyor(Duration::zero(), WallTime{}, 1));
}

#if DUNLIN_TEST_LIBJPEG
Picture decode(const std::vector<std::uint8_t>& bytes, int& warnings) {
  jpeg_decompress_struct reader{};
  jpeg_error_mgr errors{};
  reader.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&reader);
  jpeg_mem_src(&reader, bytes.data(), bytes.size());
  EXPECT_EQ(jpeg_read_header(&reader, TRUE), JPEG_HEADER_OK);
  reader.out_color_space = JCS_RGB;
  reader.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&reader);
  Picture picture(static_cast<int>(reader.output_width), static_cast<int>(reader.output_height));
  std::vector<std::uint8_t> line(std::size_t{reader.output_width} * 3);
  while (reader.output_scanline < reader.output_height) {
    const int y = static_cast<int>(reader.output_scanline);
    JSAMPROW row = line.data();
    jpeg_read_scanlines(&reader, &row, 1);
    for (int x = 0; x < picture.width; ++x) {
      const auto at = static_cast<std::size_t>(x) * 3;
      picture.at(x, y) = {line[at], line[at + 1], line[at + 2]};
    }
  }
  jpeg_finish_decompress(&reader);
  warnings = static_cast<int>(errors.num_warnings);
  jpeg_destroy_decompress(&reader);
  return picture;
}

double mean_difference(const Picture& a, const Picture& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    sum += std::abs(a.pixels[i].red - b.pixels[i].red) + std::abs(a.pixels[i].green - b.pixels[i].green) +
           std::abs(a.pixels[i].blue - b.pixels[i].blue);
  }
  return sum / static_cast<double>(a.pixels.size() * 3);
}

TEST(Jpeg, AnotherDecoderSeesTheSamePicture) {
  struct Case {
    Picture picture;
    int quality;
    double most;
  };
  const Picture scene = draw_conveyor(std::chrono::seconds{20}, WallTime{}, 1);
  for (const Case& one :
       {Case{scene, 75, 3.0}, Case{scene, 100, 1.0}, Case{scene, 1, 40.0}, Case{noise(33, 17), 100, 1.5},
        Case{Picture(1, 1, {255, 0, 0}), 90, 4.0}, Case{Picture(64, 8, {255, 255, 255}), 75, 1.0}}) {
    int warnings = -1;
    const Picture seen = decode(encode_jpeg(one.picture, one.quality), warnings);
    EXPECT_EQ(warnings, 0);
    ASSERT_EQ(seen.width, one.picture.width);
    ASSERT_EQ(seen.height, one.picture.height);
    EXPECT_LT(mean_difference(seen, one.picture), one.most) << one.picture.width << " at " << one.quality;
  }
}
#endif

}  // namespace
}  // namespace dunlin::fleet
