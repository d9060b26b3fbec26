#pragma once
// Replies of an SMTP server (RFC 5321 section 4.2).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"

namespace dunlin::net::smtp {

struct Reply {
  int code = 0;                    // 200 to 599
  std::vector<std::string> lines;  // without the code
  /// As errors show it: "550 no such user". Control characters become '?', the rest is cut.
  std::string shown() const;
  /// The arguments of an extension that EHLO has named (section 4.1.1.1); nothing: it has not.
  std::optional<std::string_view> extension(std::string_view keyword) const;
};

/// Bytes to replies. A value; own thread.
class ReplyReader {
 public:
  enum class State : std::uint8_t { more, complete, malformed };
  /// How many bytes it took: up to the end of a reply.
  std::size_t feed(ByteView bytes);
  State state() const { return state_; }
  /// After `complete`; the next reply begins.
  Reply take();

 private:
  State end_line();

  State state_ = State::more;
  std::string line_;
  Reply reply_;
};

}  // namespace dunlin::net::smtp
