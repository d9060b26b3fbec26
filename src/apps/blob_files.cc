// dunlin blob put, dunlin blob get.

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "apps/lines_out.h"
#include "apps/render.h"
#include "model/text.h"
#include "net/http/assets.h"
#include "net/http/digest_field.h"
#include "net/http/range.h"
#include "store/blob/blob_hash.h"

namespace dunlin::apps {
namespace {

using net::http::Method;

constexpr std::size_t kBlockBytes = 256 * 1024;
// Of a blob that is fetched: one request after the other, so that a line that breaks costs one of them.
constexpr std::uint64_t kPartBytes = 4ULL * 1024 * 1024;
constexpr unsigned kTries = 5;  // of one part

std::string megabytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMegabyte = 1024ULL * 1024;
  return std::to_string(bytes / kMegabyte) + "." + std::to_string(bytes % kMegabyte * 10 / kMegabyte) +
         " MiB";
}

/// Of a whole file.
Result<store::BlobHash> hash_of(const File& file) {
  std::vector<std::uint8_t> block(kBlockBytes);
  store::BlobHasher hasher;
  for (std::uint64_t at = 0;;) {
    DUNLIN_TRY(const std::size_t got, file.read_at(at, block));
    if (got == 0) return hasher.finish();
    hasher.update(ByteView(block).first(got));
    at += got;
  }
}

/// A file on its way to the server.
class FileSource final : public net::http::BodySource {
 public:
  FileSource(const File& file, std::uint64_t size) : file_(file), size_(size) {}

  std::uint64_t size() const override { return size_; }
  void read(std::size_t most, std::move_only_function<void(Result<Slice>)> done) override {
    std::vector<std::uint8_t> block(most);
    const auto got = file_.read_at(at_, block);
    if (!got) return done(std::unexpected(got.error()));
    at_ += *got;
    progress_.show("sent " + megabytes(at_) + " of " + megabytes(size_));
    done(Slice::copy_of(ByteView(block).first(*got)));
  }
  void end() { progress_.end(); }

 private:
  const File& file_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;
  ProgressLine progress_;
};

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

ApiClient::RawRequest request_of(const BlobPutCommand& command, const store::BlobHash& hash,
                                 std::shared_ptr<FileSource> source) {
  const std::string name = command.name.empty() ? file_name(command.file) : command.name;
  net::http::QueryParameters query{{"name", name}};
  if (!command.device.empty()) query.emplace_back("device", command.device);
  if (!command.keep.empty()) query.emplace_back("keep", command.keep);
  ApiClient::RawRequest request;
  request.method = Method::put;
  request.target = "/api/blobs/" + store::blob_id(hash) + "?" + net::http::format_query(query);
  const std::string type =
      command.media_type.empty() ? std::string(net::http::content_type_of(name)) : command.media_type;
  request.headers.add("Content-Type", type);
  request.headers.add("Repr-Digest", net::http::repr_digest(hash));
  request.body = std::move(source);
  return request;
}

/// A file that grows until it is the blob.
struct Download {
  ApiClient& client;
  const std::string id;
  File& part;
  std::uint64_t at = 0;                 // bytes that are there
  std::optional<std::uint64_t> size{};  // of the blob, once it is known
  ProgressLine progress{};

  Result<void> step() {
    ApiClient::RawRequest request;
    request.target = "/api/blobs/" + id;
    request.headers.add("Range", "bytes=" + std::to_string(at) + "-" + std::to_string(at + kPartBytes - 1));
    request.headers.add("If-Range", "\"" + id + "\"");
    DUNLIN_TRY(const net::http::Response answer, client.exchange(std::move(request)));
    const auto range = net::http::parse_content_range(answer.headers.get("Content-Range").value_or(""));
    // An empty blob has no range, and one that is complete none behind its end.
    if (answer.status == 200 && at == 0 && answer.body.empty()) {
      size = 0;
      return {};
    }
    if (answer.status == 416) {
      size = at;
      return {};
    }
    if (answer.status >= 300) return std::unexpected(error_of(answer));
    if (answer.status != 206 || !range || range->range.first != at ||
        range->range.size() != answer.body.size())
      return fail(Errc::malformed, "the server's answer is not the part that was asked for");
    DUNLIN_CHECK(part.append(answer.body.view()));
    at += answer.body.size();
    size = range->size;
    progress.show(megabytes(at) + " of " + megabytes(*size));
    return {};
  }

  Result<void> all() {
    unsigned tries = 0;
    while (!size || at < *size) {
      const auto done = step();
      if (done) {
        tries = 0;
        continue;
      }
      const bool may_pass = done.error().code == Errc::unavailable || done.error().code == Errc::timed_out;
      if (!may_pass || ++tries == kTries) return done;
    }
    return part.sync();
  }
};

Result<void> fetch(ApiClient& client, Fs& fs, const BlobGetCommand& command) {
  DUNLIN_TRY(const store::BlobHash hash, store::parse_blob_id(command.blob));
  if (fs.exists(command.out_file)) return fail(Errc::already_exists, command.out_file + " is there already");
  const std::string part = command.out_file + ".part";
  DUNLIN_TRY(const auto file, fs.open(part, OpenMode::append));
  DUNLIN_TRY(const std::uint64_t begun, file->size());
  Download download{client, command.blob, *file, begun};
  const auto done = download.all();
  download.progress.end();
  if (!done)
    return fail(done.error().code,
                done.error().message + "; what came is in " + part + ", and the same command goes on there");
  DUNLIN_TRY(const store::BlobHash got, hash_of(*file));
  if (got != hash) {
    DUNLIN_CHECK(fs.remove(part));
    return fail(Errc::corrupt, "what came is not this blob, and was removed again");
  }
  DUNLIN_CHECK(fs.rename(part, command.out_file));
  DUNLIN_CHECK(fs.sync_folder(parent_folder(command.out_file)));
  std::printf("wrote %s\n", command.out_file.c_str());
  return {};
}

}  // namespace

int run_blob_put(const BlobPutCommand& command) {
  const auto fs = make_system_fs();
  const auto file = fs->open(command.file, OpenMode::read);
  if (!file) return report(file.error());
  const auto size = (*file)->size();
  if (!size) return report(size.error());
  const auto hash = hash_of(**file);
  if (!hash) return report(hash.error());
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  const auto source = std::make_shared<FileSource>(**file, *size);  // shared with the request
  const auto answer = (*client)->exchange(request_of(command, *hash, source));
  source->end();
  if (!answer) return report(answer.error());
  if (answer->status >= 300) return report(error_of(*answer));
  const std::string text(answer->body.text());
  if (command.target.output == CallTarget::Output::json) {
    std::printf("%s\n", text.c_str());
  } else {
    std::printf("%s\n", store::blob_id(*hash).c_str());
  }
  return 0;
}

int run_blob_get(const BlobGetCommand& command) {
  const auto fs = make_system_fs();
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  const auto done = fetch(**client, *fs, command);
  return done ? 0 : report(done.error());
}

}  // namespace dunlin::apps
