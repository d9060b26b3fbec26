#pragma once
// The revocation list of each of our intermediates (RFC 5280 section 5): made anew when a certificate is
// revoked and before it ends, kept for whoever asks.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/slice.h"
#include "security/pki.h"
#include "security/records.h"
#include "security/revocation.h"
#include "store/repository.h"

namespace dunlin::security {

/// One executor's thread; the workers must have ended before it is destroyed. Lists are kept in
/// DIR/pki/crl/ID.crl: a number given out is never given again, also after a restart from a backup.
class RevocationLists {
 public:
  struct Parts {
    Executor& executor;
    WorkerPool& workers;
    Fs& fs;
    store::Repository& repository;
    const Pki& pki;
    RevocationIndex& revocations;
    const Clock& clock;
    metrics::Registry& metrics;
    std::string data_folder;
  };
  struct List {
    Slice der;
    std::string tag;  // of these bytes and no others
    std::uint64_t number = 0;
    WallTime this_update{};
    WallTime next_update{};
    std::size_t revoked = 0;
  };
  using ListRef = std::shared_ptr<const List>;  // shared: an answer keeps it while the next takes its place
  using Done = std::move_only_function<void(Result<ListRef>)>;

  explicit RevocationLists(Parts parts, TenantId tenant = kDefaultTenant);

  /// Makes the lists, and makes them anew from now on.
  void start();
  /// The list of that intermediate; where a revocation is not on it yet, the next one. Errors: not_found (no
  /// intermediate of ours), unavailable (none can be made).
  void get(const std::string& issuer, Done done);

 private:
  struct Entry {
    ListRef list;               // null: none so far
    std::uint64_t version = 0;  // of the revocations that are on it
    Instant not_before{};       // no attempt earlier: the last one failed
    enum class Work : std::uint8_t { none, under_way } work = Work::none;
    std::vector<Done> waiting;
  };
  struct Draft;
  using DraftPtr = std::unique_ptr<Draft>;
  void tick();
  void look();
  bool is_due(const Entry& entry) const;
  void begin(const std::string& issuer, Entry& entry);
  void gather(DraftPtr draft, std::string after);
  void take(Draft& draft, const store::Document& document) const;
  void sign(DraftPtr draft);
  Result<ListRef> sign_and_keep(const Draft& draft, ListRef before) const;
  void finish(const std::string& issuer, std::uint64_t version, Result<ListRef> made);
  std::string path_of(const std::string& issuer) const;

  Parts parts_;
  TenantId tenant_;
  std::map<std::string, Entry> entries_;  // by issuer; at most kMaxIssuers
  metrics::Cell& signed_;
  metrics::Cell& failed_;
  metrics::Cell& listed_;
};

}  // namespace dunlin::security
