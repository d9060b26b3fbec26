#include "net/http/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace dunlin::net::http {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib's way to say it
constexpr std::size_t kPieceBytes = 64 * 1024;

/// zlib's state, with its end.
class Inflater {
 public:
  explicit Inflater(std::string_view packed) : ready_(inflateInit2(&stream_, kGzipOnly) == Z_OK) {
    // zlib does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  bool has_input() const { return stream_.avail_in > 0; }
  void next_member() { inflateReset(&stream_); }
  /// Appends what fits into a piece; zlib's answer.
  int step(std::string& into) {
    std::array<char, kPieceBytes> piece;
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(piece.size());
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    into.append(piece.data(), piece.size() - stream_.avail_out);
    return answer;
  }

 private:
  z_stream stream_{};
  bool ready_;
};

}  // namespace

Result<std::string> gunzip(std::string_view packed, std::size_t max_bytes) {
  Inflater inflater(packed);
  if (!inflater.ready()) return fail(Errc::internal, "gzip cannot be read now");
  std::string plain;
  while (true) {
    const int answer = inflater.step(plain);
    if (plain.size() > max_bytes)
      return fail(Errc::limit_exceeded,
                  "the body is more than " + std::to_string(max_bytes) + " bytes when it is unpacked");
    if (answer == Z_STREAM_END) {
      if (!inflater.has_input()) return plain;
      inflater.next_member();
    } else if (answer != Z_OK) {
      return fail(Errc::malformed, "the body is not gzip, or was cut short");
    }
  }
}

}  // namespace dunlin::net::http
