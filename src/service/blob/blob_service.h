#pragma once
// Large binaries of devices and people: who may put and read them, how long they are kept, and the
// operations. The bytes are the store's (store/blob). docs/guide/blobs.md.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "model/operation.h"
#include "security/policy.h"
#include "service/blob/keep_rules.h"
#include "service/blob/limits.h"
#include "service/blob/places.h"
#include "store/blob/blob_store.h"

namespace dunlin::blob {

using store::BlobDone;

struct BlobEnvironment {
  Executor& executor;
  store::BlobStore& store;
  const security::PolicyEngine& policies;
  KeepRules keep;
  /// Where what people put is recorded; empty: nowhere. What devices put is not: as little as their samples.
  model::CallRecorder recorder;
};

/// What a sender says of a blob before it comes.
struct PutWish {
  std::string device{};  // whose it is; empty: the sender's own, or no device's where a person sends
  std::string name{};
  std::string media_type{};             // as in Content-Type
  std::optional<std::string> keep{};    // parse_keep()
  std::optional<std::uint64_t> size{};  // in bytes, where it is known
  std::optional<store::BlobHash> expected{};
};

/// One that is coming in; destroyed before finish() it leaves nothing behind. The service's executor.
class Incoming {
 public:
  virtual ~Incoming() = default;
  /// As store::BlobUpload::write().
  virtual void write(Slice bytes, BlobDone<void> written) = 0;
  /// Answers once it is durable, and recorded.
  virtual void finish(BlobDone<store::BlobRecord> stored) = 0;
};

/// A blob as its caller sees it.
struct Opened {
  store::BlobRecord record;  // of one holder that the caller may see
  std::shared_ptr<store::BlobReader> reader;
  std::shared_ptr<const void> place;  // held as long as it is read
};

/// One executor's thread.
class BlobService {
 public:
  explicit BlobService(BlobEnvironment environment);
  ~BlobService();
  BlobService(const BlobService&) = delete;
  BlobService& operator=(const BlobService&) = delete;

  /// Starts the store, and removes from then on what expires.
  void start(BlobDone<void> started);

  /// Errors: unauthenticated, permission_denied, invalid_argument, unavailable (kMaxUploadsOfOne), those of
  /// BlobStore::receive().
  void receive(const model::Caller& caller, PutWish wish, BlobDone<std::unique_ptr<Incoming>> begun);
  /// `id` is what the URL says. Errors: unauthenticated, permission_denied, invalid_argument, not_found
  /// (nobody of this tenant holds it, any more), corrupt, unavailable (kMaxDownloadsOfOne).
  void open(const model::Caller& caller, std::string_view id, BlobDone<Opened> opened);
  /// The same without its bytes.
  void look_up(const model::Caller& caller, std::string_view id, BlobDone<store::BlobRecord> found);

  /// The largest blob, in bytes.
  std::uint64_t max_blob_bytes() const { return environment_.store.options().max_blob_bytes; }

  /// Declares blob.list, show, delete, usage.
  void declare(model::OperationTable& table);

 private:
  enum class Access : std::uint8_t { put, get };
  Result<void> check_access(const Principal& principal, Access access, std::string_view device) const;
  Result<store::BlobFacts> facts_of(const Principal& principal, PutWish wish) const;
  void record(const model::Caller& caller, model::CallRecord::Outcome outcome, std::string object,
              BlobDone<void> recorded) const;
  void deny(const model::Caller& caller, const Error& why) const;
  void sweep();
  void sweep_in(Duration delay);
  void list(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void show(const model::Caller& caller, const boost::json::object& request, model::Reply reply);
  void remove(const model::Caller& caller, const boost::json::object& request, model::Reply reply);

  class Upload;
  const BlobEnvironment environment_;
  Places uploads_{kMaxUploadsOfOne, store::kMaxUploads};
  Places downloads_{kMaxDownloadsOfOne, kMaxDownloads};
  TimerId timer_;
};

std::vector<model::OperationSpec> operations();
/// blob.put and blob.get, which transports serve in their own way, since what they move is bytes: for the
/// OpenAPI document.
std::vector<model::OperationSpec> transfer_operations();

boost::json::object to_json(const store::BlobRecord& record);

}  // namespace dunlin::blob
