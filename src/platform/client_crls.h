#pragma once
// Revocation lists of client certificates, read from files again when they change.

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "net/crl.h"

namespace dunlin::platform {

inline constexpr Duration kCrlInterval = std::chrono::seconds{2};
inline constexpr std::size_t kMaxCrlFiles = 16;

/// Looks at the files every kCrlInterval, on a worker. A file that cannot be read leaves the list that was
/// there before, with an error in the log. One executor's thread, but for load(); the workers must have ended
/// before it is destroyed.
class ClientCrls {
 public:
  struct Parts {
    Executor& executor;
    WorkerPool& workers;
    Fs& fs;
    const Clock& clock;
    metrics::Registry& metrics;
  };
  /// Makes the listeners use files() from now on.
  using Adopt = std::function<Result<void>()>;
  ClientCrls(Parts parts, std::vector<std::string> paths, Adopt adopt);

  /// The first reading, before any thread runs. Blocks. Errors: those of the files, malformed.
  Result<void> load();
  void start();
  /// The contents, PEM or DER each.
  const std::vector<std::string>& files() const { return files_; }

 private:
  struct Reading {
    std::vector<std::string> files;
    std::vector<net::CrlInfo> lists;
  };
  Result<Reading> read() const;
  void look();
  void looked(Result<Reading> result);
  void judge_age();

  Parts parts_;
  std::vector<std::string> paths_;
  Adopt adopt_;
  std::vector<std::string> files_;
  std::vector<net::CrlInfo> lists_;
  std::size_t stale_ = 0;  // lists past their next update, at the last look
  std::string failure_;    // of the last look, so that it is logged once
  metrics::Cell& loaded_;
  metrics::Cell& failed_;
  metrics::Cell& expired_;
};

}  // namespace dunlin::platform
