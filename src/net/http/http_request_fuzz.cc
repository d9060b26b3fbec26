// Requests and responses: any bytes, in any pieces, give the same messages and the same refusal; bodies stay
// below the limit.
#include <algorithm>
#include <string>

#include "base/core/assert.h"
#include "net/http/parser.h"

namespace {

using namespace dunlin;
using namespace dunlin::net::http;

constexpr std::uint64_t kLimit = 2000;

std::string describe(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    DUNLIN_ASSERT(is_token(name));
    DUNLIN_ASSERT(is_field_value(value));
    out += name + '=' + value + '|';
  }
  return out;
}

std::string describe(Request request) {
  DUNLIN_ASSERT(request.body.size() <= kLimit);
  DUNLIN_ASSERT(request.headers.count("Host") <= 1);
  DUNLIN_ASSERT(request.headers.count("Content-Length") + request.headers.count("Transfer-Encoding") <= 1);
  std::string out{method_name(request.method)};
  for (const auto& segment : request.segments) out += '/' + segment;
  for (const auto& [name, value] : request.query) out += '&' + name + '=' + value;
  return out + describe(request.headers) + request.body + '\n';
}

std::string describe(Response response) {
  DUNLIN_ASSERT(response.body.size() <= kLimit);
  return std::to_string(response.status) + describe(response.headers) + std::string{response.body.text()} +
         '\n';
}

template <class Parser>
std::string parse(Parser parser, ByteView bytes, std::size_t piece) {
  std::string log;
  std::string kept;
  while (!bytes.empty()) {
    const std::size_t length = std::min(piece, bytes.size());
    kept.append(as_text(bytes.first(length)));
    bytes = bytes.subspan(length);
    while (!kept.empty()) {
      kept.erase(0, parser.feed(as_bytes(kept)));
      if (parser.state() == ParseState::refused) return log + '!' + std::to_string(parser.refusal().status);
      if (parser.state() != ParseState::complete) break;
      log += describe(parser.take());
    }
    DUNLIN_ASSERT(kept.size() < 64 * 1024);
  }
  if constexpr (std::is_same_v<Parser, ResponseParser>) {
    parser.feed_end();
    if (parser.state() == ParseState::complete) log += describe(parser.take());
  }
  return log;
}

template <class Make>
void check(Make make, ByteView bytes, std::size_t piece) {
  const std::string whole = parse(make(), bytes, bytes.size());
  DUNLIN_ASSERT(whole == parse(make(), bytes, piece));
  DUNLIN_ASSERT(whole == parse(make(), bytes, 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[1] % 64;
  const ByteView bytes{data + 2, size - 2};
  if ((data[0] & 1) == 0) {
    check([] { return RequestParser(kLimit); }, bytes, piece);
  } else {
    check([] { return ResponseParser(kLimit, ResponseBody::by_header); }, bytes, piece);
  }
  return 0;
}
