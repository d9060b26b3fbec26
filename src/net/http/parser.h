#pragma once
// HTTP/1 messages from bytes. Boost.Beast reads the grammar; the checks that it leaves out are made here.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http/message.h"
#include "net/http/refusal.h"

namespace dunlin::net::http {

enum class ParseState {
  idle,    // not one byte of the message yet
  header,  // within the start line and fields
  body,
  complete,  // take() hands it out and makes the parser idle
  refused,   // for good; the connection can only be answered and closed
};

/// The start line and fields of a request whose body may still be on its way.
struct RequestHead {
  std::string method;
  std::string target;
  Version version = Version::http_1_1;
  Headers headers;

  /// RFC 9112 section 9.3.
  bool keep_alive() const;
  /// RFC 9110 section 10.1.1; ignored under HTTP/1.0.
  bool expects_continue() const;
  /// RFC 9110 section 7.8; ignored under HTTP/1.0.
  bool wants_upgrade() const;
};

/// The largest body of a request that is read while it comes; nullopt: its body is read whole.
using StreamedLimit =
    std::function<std::optional<std::uint64_t>(Method method, const std::vector<std::string>& segments)>;

/// One thread. Bytes that feed() did not consume must be offered again, followed by more. The outcome does
/// not depend on how the bytes are cut.
///
/// Beyond Beast it refuses (RFC 9112 sections 5.2, 6.1, 6.3, 7.1.1, 3.2): bare CR, bare LF and NUL anywhere
/// in the header, folded lines, more than one Content-Length or one that is a list, a Transfer-Encoding that
/// is not exactly `chunked` or comes with HTTP/1.0 or with Content-Length, no Host or several under HTTP/1.1,
/// long chunk extensions. Trailers are read and dropped.
class RequestParser {
 public:
  explicit RequestParser(std::uint64_t max_body_bytes, StreamedLimit streamed = {});
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  /// Returns how many bytes were consumed; stops at the end of the message.
  std::size_t feed(ByteView bytes);
  ParseState state() const;
  /// In state refused.
  const Refusal& refusal() const;
  /// In states body and complete.
  const RequestHead& head() const;
  /// In state complete, of a request that is not streamed. `peer` is left empty.
  Request take();

  /// In states body and complete: whether the body is to be read while it comes. Then take_head() is called
  /// once, take_part() as bytes come, and at last, in state complete, end().
  bool is_streamed() const;
  /// The request without its body.
  Request take_head();
  /// What has come of the body since the last call.
  std::string take_part();
  /// Makes the parser idle.
  void end();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct ResponseHead {
  int status = 0;
  Version version = Version::http_1_1;
  Headers headers;

  bool keep_alive() const;
};

enum class ResponseBody {
  by_header,  // as the fields say
  none,       // the answer to HEAD, or to an upgrade: ends with its header
};

/// The same for responses. Interim responses (1xx) are messages of their own, without a body.
class ResponseParser {
 public:
  ResponseParser(std::uint64_t max_body_bytes, ResponseBody body);
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;

  std::size_t feed(ByteView bytes);
  /// The stream has ended: completes a body that has no length of its own, refuses any other that is cut
  /// short.
  void feed_end();
  ParseState state() const;
  const Refusal& refusal() const;
  const ResponseHead& head() const;
  /// True if only the end of the stream ends this message (RFC 9112 section 6.3, 8): no reuse of the
  /// connection.
  bool ends_with_stream() const;
  /// In state complete. The header keeps every field as sent.
  Response take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::net::http
