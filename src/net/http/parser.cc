#include "net/http/parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <utility>

#include "base/core/assert.h"
#include "net/http/header_scan.h"
#include "net/http/limits.h"

namespace dunlin::net::http {
namespace {

namespace beast = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastText = boost::beast::string_view;

std::string_view to_view(BeastText text) {
  return {text.data(), text.size()};
}

/// Beast asserts, for a body that is chunked, that a chunk's header line is offered with at least this many
/// bytes once its first part has been seen. Nothing shorter can end a chunked body ("0", CR, LF, CR, LF), so
/// holding back loses nothing.
constexpr std::size_t kLeastChunkBytes = 5;

/// What Beast reads, collected. `IsRequest` chooses the start line.
template <bool IsRequest>
class Machine final : public beast::basic_parser<IsRequest> {
 public:
  explicit Machine(std::uint64_t max_body_bytes) {
    this->header_limit(kMaxHeaderBytes + 1);
    this->body_limit(max_body_bytes);
  }
  /// A length that the header states is judged by the caller.
  explicit Machine(std::nullopt_t /*no_limit*/) {
    this->header_limit(kMaxHeaderBytes + 1);
    this->body_limit(boost::none);
  }

  std::string method;
  std::string target;
  int status = 0;
  Version version = Version::http_1_1;
  Headers headers;
  std::string body;
  bool header_done = false;

  bool at_chunk_header() const { return header_done && this->chunked() && chunk_left_ == 0; }
  /// Where the next chunk's header begins: the CRLF that ends the chunk before it comes first.
  std::size_t chunk_header_offset() const { return has_chunk_ ? 2 : 0; }

 private:
  void on_request_impl(beast::verb, BeastText method_text, BeastText target_text, int number,
                       BeastError&) override {
    method = to_view(method_text);
    target = to_view(target_text);
    version = number == 10 ? Version::http_1_0 : Version::http_1_1;
  }
  void on_response_impl(int code, BeastText, int number, BeastError&) override {
    status = code;
    version = number == 10 ? Version::http_1_0 : Version::http_1_1;
  }
  void on_field_impl(beast::field, BeastText name, BeastText value, BeastError&) override {
    // After the header come trailers: dropped, for nobody has asked for one (RFC 9110 section 6.5.1).
    if (!header_done) headers.add(std::string{to_view(name)}, std::string{trimmed(to_view(value))});
  }
  void on_header_impl(BeastError&) override { header_done = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastText bytes, BeastError&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, BeastText extensions, BeastError& error) override {
    extension_bytes_ += extensions.size();
    if (extensions.size() > kMaxChunkExtensionBytes || extension_bytes_ > kMaxChunkExtensionBytesInAll) {
      error = beast::error::bad_chunk_extension;
      return;
    }
    chunk_left_ = size;
    has_chunk_ = true;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText bytes, BeastError&) override {
    body.append(bytes.data(), bytes.size());
    chunk_left_ -= bytes.size();
    return bytes.size();
  }
  void on_finish_impl(BeastError&) override {}

  std::uint64_t chunk_left_ = 0;
  bool has_chunk_ = false;
  std::size_t extension_bytes_ = 0;
};

Refusal refusal_of(const BeastError& error, std::string_view start_line) {
  if (error == beast::error::body_limit) return {413, "the body is too large"};
  if (error == beast::error::header_limit) return {431, "the header is too long"};
  if (error == beast::error::bad_version && has_http_version(start_line))
    return {505, "this version of HTTP is not supported"};
  return {400, error.message()};
}

/// One message after another, as far as requests and responses are read alike.
template <bool IsRequest>
struct Reader {
  explicit Reader(std::uint64_t max_body, ResponseBody kind = ResponseBody::by_header)
      : max_body_bytes(max_body), response_body(kind) {}

  std::uint64_t max_body_bytes;
  ResponseBody response_body;
  ParseState state = ParseState::idle;
  Refusal refusal;
  std::optional<Machine<IsRequest>> machine;
  HeaderScan scan;
  std::size_t empty_lines = 0;

  void reset() {
    state = ParseState::idle;
    machine.reset();
    scan = {};
    empty_lines = 0;
  }

  void refuse(Refusal why) {
    state = ParseState::refused;
    refusal = std::move(why);
  }

  /// Drops empty lines before a request line (RFC 9112 section 2.2). Returns how many bytes that were.
  std::size_t skip_empty_lines(ByteView bytes) {
    std::size_t skipped = 0;
    while (bytes.size() - skipped >= 2 && bytes[skipped] == '\r' && bytes[skipped + 1] == '\n') {
      skipped += 2;
      if (++empty_lines > kMaxEmptyLines) {
        refuse({400, "empty lines instead of a request"});
        break;
      }
    }
    return skipped;
  }

  /// Reads the header once it is complete. Returns how many bytes were consumed. `check` judges it.
  template <class Check>
  std::size_t feed_header(ByteView bytes, Check check) {
    const auto end = scan.look(bytes);
    if (!end) {
      refuse(end.error());
      return bytes.size();
    }
    state = ParseState::header;
    if (!*end) return 0;
    const auto text = as_text(bytes.first(**end));
    if constexpr (IsRequest) {
      machine.emplace(std::nullopt);  // `check` finds out which limit is the request's
    } else {
      machine.emplace(max_body_bytes);
      machine->skip(response_body == ResponseBody::none);
    }
    BeastError error;
    machine->put({text.data(), text.size()}, error);
    // Fields are checked first: the better reason for a refusal.
    std::optional<Refusal> why;
    if (machine->header_done) why = check(*machine);
    if (!why && error) why = refusal_of(error, text.substr(0, text.find('\r')));
    if (why) {
      refuse(std::move(*why));
      return bytes.size();
    }
    state = machine->is_done() ? ParseState::complete : ParseState::body;
    return **end;
  }

  /// Beast reads a chunk's header only whole: given a part of it, it takes a quoted extension that has no end
  /// for one that goes on behind the line.
  bool chunk_header_complete(std::string_view rest) {
    if (rest.size() < kLeastChunkBytes) return false;
    const auto complete = scan_chunk_header(rest, machine->chunk_header_offset());
    if (!complete) refuse(complete.error());
    return complete && *complete;
  }

  /// Returns how many bytes were consumed; fewer than there are only when more is needed or the message has
  /// ended.
  std::size_t feed_body(ByteView bytes) {
    std::size_t consumed = 0;
    while (state == ParseState::body && consumed < bytes.size()) {
      const auto rest = as_text(bytes.subspan(consumed));
      if (machine->at_chunk_header() && !chunk_header_complete(rest)) break;
      BeastError error;
      consumed += machine->put({rest.data(), rest.size()}, error);
      if (error == beast::error::need_more) {
        if (rest.size() > kMaxTrailerBytes) refuse({400, "a chunk header or trailer is too long"});
        break;
      }
      if (error) {
        refuse(refusal_of(error, {}));
      } else if (machine->is_done()) {
        state = ParseState::complete;
      }
    }
    return state == ParseState::refused ? bytes.size() : consumed;
  }
};

}  // namespace

bool RequestHead::keep_alive() const {
  if (headers.has_token("Connection", "close")) return false;
  return version == Version::http_1_1 || headers.has_token("Connection", "keep-alive");
}

bool RequestHead::expects_continue() const {
  const auto expect = headers.get("Expect");
  return version == Version::http_1_1 && expect && equals_ignoring_case(*expect, "100-continue");
}

bool RequestHead::wants_upgrade() const {
  return version == Version::http_1_1 && headers.get("Upgrade") && headers.has_token("Connection", "upgrade");
}

bool ResponseHead::keep_alive() const {
  if (headers.has_token("Connection", "close")) return false;
  return version == Version::http_1_1 || headers.has_token("Connection", "keep-alive");
}

struct RequestParser::Impl {
  Impl(std::uint64_t max_body_bytes, StreamedLimit streamed)
      : reader(max_body_bytes), streamed_limit(std::move(streamed)) {}

  Reader<true> reader;
  StreamedLimit streamed_limit;
  enum class Body : std::uint8_t { whole, streamed } body = Body::whole;
  RequestHead head;
  Target target;
  Method method = Method::get;

  std::optional<Refusal> check(Machine<true>& machine) {
    head = {machine.method, machine.target, machine.version, std::move(machine.headers)};
    if (auto why = check_framing(head.headers, head.version)) return why;
    if (auto why = check_host(head.headers, head.version)) return why;
    const auto known = parse_method(head.method);
    if (!known) return Refusal{501, "this method is not supported"};
    method = *known;
    if (head.target == "*" && method != Method::options)
      return Refusal{400, "the request target has no path"};
    auto parsed = parse_target(head.target);
    if (!parsed)
      return Refusal{parsed.error().code == Errc::limit_exceeded ? 414 : 400, parsed.error().message};
    target = std::move(*parsed);
    if (head.version == Version::http_1_1 && head.headers.get("Expect") && !head.expects_continue()) {
      return Refusal{417, "only 100-continue may be expected"};
    }
    return limit_body(machine);
  }

  std::optional<Refusal> limit_body(Machine<true>& machine) {
    std::optional<std::uint64_t> streamed;
    if (streamed_limit) streamed = streamed_limit(method, target.segments);
    body = streamed ? Body::streamed : Body::whole;
    const std::uint64_t limit = streamed.value_or(reader.max_body_bytes);
    machine.body_limit(limit);
    const auto length = head.headers.get("Content-Length");
    if (!length) return std::nullopt;
    std::uint64_t bytes = 0;  // check_framing() has seen that it is a number
    std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (bytes > limit) return Refusal{413, "the body is too large"};
    return std::nullopt;
  }

  Request take_head() {
    Request request;
    request.method = method;
    request.version = head.version;
    request.target = head.target;
    request.path = std::move(target.path);
    request.segments = std::move(target.segments);
    request.query = std::move(target.query);
    // What is still to come is told by the head.
    request.headers = body == Body::streamed ? head.headers : std::move(head.headers);
    return request;
  }
};

RequestParser::RequestParser(std::uint64_t max_body_bytes, StreamedLimit streamed)
    : impl_(std::make_unique<Impl>(max_body_bytes, std::move(streamed))) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

std::size_t RequestParser::feed(ByteView bytes) {
  auto& reader = impl_->reader;
  std::size_t consumed = 0;
  if (reader.state == ParseState::idle) consumed += reader.skip_empty_lines(bytes);
  const bool in_header = reader.state == ParseState::idle || reader.state == ParseState::header;
  // A CR alone may yet become an empty line.
  const bool undecided =
      reader.state == ParseState::idle && bytes.size() - consumed == 1 && bytes[consumed] == '\r';
  if (in_header && !undecided && consumed < bytes.size()) {
    consumed +=
        reader.feed_header(bytes.subspan(consumed), [this](auto& machine) { return impl_->check(machine); });
  }
  if (reader.state == ParseState::body) consumed += reader.feed_body(bytes.subspan(consumed));
  return reader.state == ParseState::refused ? bytes.size() : consumed;
}

ParseState RequestParser::state() const {
  return impl_->reader.state;
}
const Refusal& RequestParser::refusal() const {
  return impl_->reader.refusal;
}
const RequestHead& RequestParser::head() const {
  return impl_->head;
}

Request RequestParser::take() {
  DUNLIN_ASSERT(state() == ParseState::complete && !is_streamed());
  Request request = impl_->take_head();
  request.body = std::move(impl_->reader.machine->body);
  impl_->reader.reset();
  return request;
}

bool RequestParser::is_streamed() const {
  return impl_->body == Impl::Body::streamed;
}

Request RequestParser::take_head() {
  DUNLIN_ASSERT(is_streamed() && (state() == ParseState::body || state() == ParseState::complete));
  return impl_->take_head();
}

std::string RequestParser::take_part() {
  return impl_->reader.machine ? std::exchange(impl_->reader.machine->body, {}) : std::string();
}

void RequestParser::end() {
  DUNLIN_ASSERT(state() == ParseState::complete);
  impl_->reader.reset();
}

struct ResponseParser::Impl {
  Impl(std::uint64_t max_body_bytes, ResponseBody body) : reader(max_body_bytes, body) {}

  Reader<false> reader;
  ResponseHead head;

  std::optional<Refusal> check(Machine<false>& machine) {
    head = {machine.status, machine.version, std::move(machine.headers)};
    if (head.status < 100 || head.status > 599) return Refusal{502, "the status is out of range"};
    return check_framing(head.headers, head.version);
  }
};

ResponseParser::ResponseParser(std::uint64_t max_body_bytes, ResponseBody body)
    : impl_(std::make_unique<Impl>(max_body_bytes, body)) {}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

std::size_t ResponseParser::feed(ByteView bytes) {
  auto& reader = impl_->reader;
  std::size_t consumed = 0;
  const bool in_header = reader.state == ParseState::idle || reader.state == ParseState::header;
  if (in_header && !bytes.empty()) {
    consumed += reader.feed_header(bytes, [this](auto& machine) { return impl_->check(machine); });
  }
  if (reader.state == ParseState::body) consumed += reader.feed_body(bytes.subspan(consumed));
  return reader.state == ParseState::refused ? bytes.size() : consumed;
}

void ResponseParser::feed_end() {
  auto& reader = impl_->reader;
  if (reader.state == ParseState::complete || reader.state == ParseState::refused) return;
  if (reader.state != ParseState::body || !reader.machine->need_eof()) {
    reader.refuse({502, "the response is cut short"});
    return;
  }
  BeastError error;
  reader.machine->put_eof(error);
  if (error) {
    reader.refuse(refusal_of(error, {}));
  } else {
    reader.state = ParseState::complete;
  }
}

ParseState ResponseParser::state() const {
  return impl_->reader.state;
}
const Refusal& ResponseParser::refusal() const {
  return impl_->reader.refusal;
}
const ResponseHead& ResponseParser::head() const {
  return impl_->head;
}
bool ResponseParser::ends_with_stream() const {
  return impl_->reader.machine && impl_->reader.machine->need_eof();
}

Response ResponseParser::take() {
  DUNLIN_ASSERT(state() == ParseState::complete);
  Response response{.status = impl_->head.status,
                    .headers = std::move(impl_->head.headers),
                    .body = Slice::copy_of(impl_->reader.machine->body)};
  impl_->reader.reset();
  return response;
}

}  // namespace dunlin::net::http
