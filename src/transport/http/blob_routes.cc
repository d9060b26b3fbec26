#include "transport/http/blob_routes.h"

#include <boost/json.hpp>

#include "base/core/assert.h"
#include "net/http/assets.h"
#include "net/http/digest_field.h"
#include "service/blob/names.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

using net::http::ByteRange;
using net::http::Method;
using net::http::PathParameters;
using net::http::Request;
using net::http::RequestBody;
using net::http::Responder;
using net::http::Response;

Response refusal(const Error& why) {
  const int status = why.code == Errc::unsupported ? 415 : net::http::status_of(why.code);
  Response response = net::http::error_response(status, errc_name(why.code), why.message);
  if (status == 503 || status == 507) response.headers.set("Retry-After", "5");
  return response;
}

/// What the request says of the blob. `id`: of a PUT to a blob's own path, else empty.
Result<blob::PutWish> wish_of(const Request& request, std::string_view id) {
  blob::PutWish wish;
  for (const auto& [name, value] : request.query) {
    if (name == "device") {
      wish.device = value;
    } else if (name == "name") {
      wish.name = value;
    } else if (name == "keep") {
      wish.keep = value;
    } else {
      return fail(Errc::invalid_argument, "\"" + name + "\" is not known here; there are device, name, keep");
    }
  }
  if (request.headers.get("Content-Encoding").value_or("identity") != "identity")
    return fail(Errc::unsupported, "a blob is stored as it comes: send it without Content-Encoding");
  if (request.headers.get("Content-Range"))
    return fail(Errc::invalid_argument, "a blob is put as a whole: send it without Content-Range");
  wish.media_type = request.headers.get("Content-Type").value_or("");
  DUNLIN_TRY(wish.expected, net::http::read_sha256(request.headers));
  if (!id.empty()) {
    DUNLIN_TRY(const store::BlobHash hash, store::parse_blob_id(id));
    if (wish.expected && *wish.expected != hash)
      return fail(Errc::malformed, "the digest and the path name different blobs");
    wish.expected = hash;
  }
  if (const auto length = request.headers.get("Content-Length"))
    wish.size = std::stoull(std::string(*length));  // the HTTP room has seen that it is a number that fits
  return wish;
}

/// One upload: bytes from the connection to the disk, no faster than the disk takes them.
struct Receiving {
  RequestBody body;
  std::optional<Responder> responder;  // none: answered
  std::unique_ptr<blob::Incoming> incoming;
  std::size_t pending = 0;  // bytes that wait for the disk
  enum class Flow : std::uint8_t { open, held } flow = Flow::open;

  void refuse(const Error& why) {
    if (!responder) return;
    Responder to = *std::exchange(responder, std::nullopt);
    to.send(refusal(why));
  }
};

class BlobSink final : public net::http::BodySink {
 public:
  explicit BlobSink(std::shared_ptr<Receiving> receiving) : receiving_(std::move(receiving)) {}

  void on_bytes(ByteView bytes) override {
    Receiving& now = *receiving_;
    now.pending += bytes.size();
    if (now.pending > kMaxPendingBlobBytes && now.flow == Receiving::Flow::open) {
      now.flow = Receiving::Flow::held;
      now.body.pause();
    }
    now.incoming->write(Slice::copy_of(bytes),
                        [weak = std::weak_ptr(receiving_), size = bytes.size()](Result<void> written) {
                          const auto receiving = weak.lock();
                          if (receiving) took(*receiving, size, written);
                        });
  }

  void on_end() override {
    receiving_->incoming->finish([receiving = receiving_](Result<store::BlobRecord> stored) {
      if (!receiving->responder) return;
      if (!stored) return receiving->refuse(stored.error());
      const boost::json::object record = blob::to_json(*stored);
      Response response = net::http::json_response(201, boost::json::serialize(record));
      response.headers.set("Location", "/api/blobs/" + store::blob_id(stored->key.hash));
      response.headers.set("Cache-Control", "no-store");
      Responder to = *std::exchange(receiving->responder, std::nullopt);
      to.send(std::move(response));
    });
  }

 private:
  static void took(Receiving& now, std::size_t size, const Result<void>& written) {
    now.pending -= size;
    if (!written) return now.refuse(written.error());
    if (now.flow == Receiving::Flow::held && now.pending < kMaxPendingBlobBytes / 2) {
      now.flow = Receiving::Flow::open;
      now.body.resume();
    }
  }

  // Shared with the steps that wait for the disk.
  std::shared_ptr<Receiving> receiving_;
};

/// A blob's bytes for one answer.
class BlobSource final : public net::http::BodySource {
 public:
  BlobSource(blob::Opened opened, ByteRange range)
      : reader_(std::move(opened.reader)), place_(std::move(opened.place)), range_(range), at_(range.first) {}

  std::uint64_t size() const override { return range_.size(); }
  void read(std::size_t most, std::move_only_function<void(Result<Slice>)> done) override {
    const std::uint64_t offset = at_;
    at_ += most;
    reader_->read(offset, most, [most, done = std::move(done)](Result<Slice> bytes) mutable {
      if (bytes && bytes->size() != most)
        bytes = fail(Errc::corrupt, "the blob's file is shorter than it was");
      done(std::move(bytes));
    });
  }

 private:
  const std::shared_ptr<store::BlobReader> reader_;  // shared with reads under way
  const std::shared_ptr<const void> place_;
  const ByteRange range_;
  std::uint64_t at_;
};

/// RFC 6266 with RFC 8187: a name for a file, never to be shown as a page.
std::string disposition_of(const std::string& name) {
  if (name.empty()) return "attachment";
  return "attachment; filename*=UTF-8''" + net::http::percent_encode(name);
}

}  // namespace

BlobAnswer answer_for(const Request& request, const store::BlobRecord& record) {
  const std::string tag = store::blob_id(record.key.hash);
  BlobAnswer answer;
  Response& head = answer.head;
  head.headers = {{"ETag", "\"" + tag + "\""},
                  {"Accept-Ranges", "bytes"},
                  {"Cache-Control", "private, no-cache"},
                  {"Content-Security-Policy", "default-src 'none'; sandbox"}};
  if (const auto known = request.headers.get("If-None-Match");
      known && net::http::matches_entity_tag(*known, tag)) {
    head.status = 304;
    return answer;
  }
  const auto wanted = request.headers.get("Range");
  const auto condition = request.headers.get("If-Range");
  net::http::RangeAnswer range;
  // Only GET has ranges (RFC 9110 section 14.2).
  if (wanted && request.method == Method::get && (!condition || net::http::if_range_holds(*condition, tag)))
    range = net::http::read_range(*wanted, record.size);
  if (range.outcome == net::http::RangeAnswer::Outcome::unsatisfiable) {
    head = net::http::error_response(416, "range_not_satisfiable",
                                     "the blob has " + std::to_string(record.size) + " bytes");
    head.headers.set("Content-Range", net::http::unsatisfied_range(record.size));
    head.headers.set("Accept-Ranges", "bytes");
    return answer;
  }
  head.headers.set("Content-Type", std::string(blob::harmless_type(record.media_type)));
  head.headers.set("Content-Disposition", disposition_of(record.name));
  head.headers.set("Repr-Digest", net::http::repr_digest(record.key.hash));
  if (range.outcome == net::http::RangeAnswer::Outcome::part) {
    head.status = 206;
    head.headers.set("Content-Range", net::http::content_range(range.range, record.size));
    answer.range = range.range;
  } else if (record.size > 0) {
    answer.range = {0, record.size - 1};
  }
  return answer;
}

void BlobRoutes::mount(net::http::Router& router) {
  const auto put = [&](Method method, std::string_view path) {
    const auto added = router.add_streamed(
        method, path, blobs_.max_blob_bytes(),
        [this](const Request& request, const PathParameters& found, RequestBody body, Responder responder) {
          receive(request, found.get("blob"), std::move(body), std::move(responder));
        });
    DUNLIN_ASSERT(added.has_value());
  };
  put(Method::post, "/api/blobs");
  put(Method::put, "/api/blobs");
  put(Method::put, "/api/blobs/{blob}");
  const auto added = router.add(Method::get, "/api/blobs/{blob}",
                                [this](Request request, const PathParameters& found, Responder responder) {
                                  send(std::move(request), found.get("blob"), std::move(responder));
                                });
  DUNLIN_ASSERT(added.has_value());
}

void BlobRoutes::refuse(const model::Caller& caller, const Error& why, Responder responder) const {
  api_.tell_refused(caller, why);
  responder.send(refusal(why));
}

void BlobRoutes::receive(const Request& request, std::string_view id, RequestBody body, Responder responder) {
  auto wish = wish_of(request, id);
  api_.identify_any(request, [this, wish = std::move(wish), body = std::move(body),
                              responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller) return responder.send(refusal(caller.error()));
    // Who may not send anything is not told how to do it better.
    if (!wish && caller->principal->kind != PrincipalKind::anonymous)
      return refuse(*caller, wish.error(), std::move(responder));
    blobs_.receive(*caller, wish ? *std::move(wish) : blob::PutWish{},
                   [this, who = *caller, body = std::move(body), responder = std::move(responder)](
                       Result<std::unique_ptr<blob::Incoming>> incoming) mutable {
                     if (!incoming) return refuse(who, incoming.error(), std::move(responder));
                     auto receiving = std::make_shared<Receiving>(
                         Receiving{body, std::move(responder), *std::move(incoming)});
                     body.read(std::make_unique<BlobSink>(std::move(receiving)));
                   });
  });
}

void BlobRoutes::send(Request request, std::string_view id, Responder responder) {
  auto kept = std::make_unique<Request>(std::move(request));
  const Request& seen = *kept;
  api_.identify_any(seen, [this, kept = std::move(kept), id = std::string(id),
                           responder = std::move(responder)](Result<model::Caller> caller) mutable {
    if (!caller) return responder.send(refusal(caller.error()));
    send_to(*caller, std::move(*kept), id, std::move(responder));
  });
}

void BlobRoutes::send_to(const model::Caller& caller, Request request, const std::string& id,
                         Responder responder) {
  blobs_.open(caller, id,
              [this, caller, request = std::move(request),
               responder = std::move(responder)](Result<blob::Opened> opened) mutable {
                if (!opened) return refuse(caller, opened.error(), std::move(responder));
                BlobAnswer answer = answer_for(request, opened->record);
                if (!answer.range) return responder.send(std::move(answer.head));
                if (opened->reader->size() != opened->record.size)
                  return refuse(caller, {Errc::corrupt, "the blob's file has another size than was stored"},
                                std::move(responder));
                const ByteRange range = *answer.range;
                responder.send(std::move(answer.head),
                               std::make_unique<BlobSource>(*std::move(opened), range));
              });
}

}  // namespace dunlin::transport
