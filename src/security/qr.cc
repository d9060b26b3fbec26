#include "security/qr.h"

#include <qrencode.h>

#include <memory>

namespace dunlin::security {
namespace {

constexpr int kQuiet = 4;

struct CodeDeleter {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

/// The squares with their quiet zone.
class Squares {
 public:
  static Result<Squares> of(std::string_view text) {
    const std::string copy(text);
    std::unique_ptr<QRcode, CodeDeleter> code(
        QRcode_encodeString(copy.c_str(), 0, QR_ECLEVEL_M, QR_MODE_8, 1));
    if (!code) return fail(Errc::invalid_argument, "the text does not fit into a QR code");
    return Squares(std::move(code));
  }
  int width() const { return code_->width + 2 * kQuiet; }
  bool is_dark(int x, int y) const {
    x -= kQuiet;
    y -= kQuiet;
    const bool inside = x >= 0 && y >= 0 && x < code_->width && y < code_->width;
    return inside && (code_->data[y * code_->width + x] & 1) != 0;
  }

 private:
  explicit Squares(std::unique_ptr<QRcode, CodeDeleter> code) : code_(std::move(code)) {}
  std::unique_ptr<QRcode, CodeDeleter> code_;
};

}  // namespace

Result<std::string> qr_svg(std::string_view text) {
  DUNLIN_TRY(const Squares squares, Squares::of(text));
  const std::string width = std::to_string(squares.width());
  std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )" + width + " " + width +
                    R"(" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h)" + width + "v" + width +
                    R"(H0z"/><path d=")";
  for (int y = 0; y < squares.width(); ++y) {
    for (int x = 0; x < squares.width(); ++x) {
      if (squares.is_dark(x, y)) svg += "M" + std::to_string(x) + " " + std::to_string(y) + "h1v1h-1z";
    }
  }
  return svg + R"("/></svg>)";
}

Result<std::string> qr_text(std::string_view text) {
  DUNLIN_TRY(const Squares squares, Squares::of(text));
  std::string lines;
  for (int y = 0; y < squares.width(); y += 2) {
    for (int x = 0; x < squares.width(); ++x) {
      const bool upper = !squares.is_dark(x, y);
      const bool lower = y + 1 < squares.width() && !squares.is_dark(x, y + 1);
      lines += upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ";
    }
    lines += '\n';
  }
  return lines;
}

}  // namespace dunlin::security
