// Any bytes as replies of a server: refused, or lines without a line end.
#include <cstdlib>

#include "net/smtp/limits.h"
#include "net/smtp/reply.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::net::smtp;
  ReplyReader reader;
  dunlin::ByteView rest(data, size);
  while (!rest.empty() && reader.state() != ReplyReader::State::malformed) {
    rest = rest.subspan(reader.feed(rest));
    if (reader.state() != ReplyReader::State::complete) continue;
    const Reply reply = reader.take();
    if (reply.code < 200 || reply.code > 599 || reply.lines.empty() || reply.lines.size() > kMaxReplyLines)
      std::abort();
    for (const std::string& line : reply.lines)
      if (line.contains('\n')) std::abort();
    if (reply.shown().size() > kMaxShownReplyBytes) std::abort();
    reply.extension("AUTH");
  }
  return 0;
}
