#pragma once
// Bodies that are not whole in memory: read while they come, made while they are sent.

#include <cstdint>
#include <functional>
#include <memory>

#include "base/core/bytes.h"
#include "base/result.h"
#include "base/slice.h"

namespace dunlin::net::http {

/// Takes the body of one request as it comes. The connection's thread. Destroyed without on_end(): the body
/// was cut short, or the request has been answered before its end.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// At most about 64 KiB at a time; the view is valid during the call.
  virtual void on_bytes(ByteView bytes) = 0;
  /// All of it has come. The last call.
  virtual void on_end() = 0;
};

/// Gives the body of one message piece by piece. The connection's thread.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// open: nobody knows yet. Then the body is sent in chunks (RFC 9112 section 7.1), to HTTP/1.0 until the
  /// connection ends, and an empty answer of read() is its end. Only of responses.
  enum class Length : std::uint8_t { known, open };
  virtual Length length() const { return Length::known; }
  /// Fixed from the beginning, where the length is known.
  virtual std::uint64_t size() const = 0;
  /// The next bytes: at least one, at most `most`. Never asked past size(), nor before the last answer. An
  /// error breaks the connection: the receiver sees that something is missing. The answer may come when the
  /// source is gone, and then does nothing.
  virtual void read(std::size_t most, std::move_only_function<void(Result<Slice>)> done) = 0;
};

}  // namespace dunlin::net::http
