#pragma once
// Passwords: Argon2id (RFC 9106), hashed on the worker pool, never more than a few at once.

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "base/executor.h"
#include "base/result.h"
#include "base/rng.h"

namespace dunlin::security {

/// 19 MiB, two passes, one lane. The parameters travel in the stored text, so they can be raised later.
struct PasswordCost {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t passes = 2;
};

/// kMinPasswordBytes to kMaxPasswordBytes of clean UTF-8, and not the form of a token. Errors:
/// invalid_argument.
Result<void> check_new_password(std::string_view password);

/// The text form "$argon2id$v=19$m=..,t=..,p=1$SALT$HASH" with 16 bytes of random salt. Blocks for some ten
/// milliseconds.
Result<std::string> hash_password(std::string_view password, Rng& rng, const PasswordCost& cost);

/// False also for a stored text that is broken or asks for more than 256 MiB or 16 passes. Blocks.
bool verify_password(std::string_view stored, std::string_view password);

/// Lets kPasswordJobsAtOnce jobs run and kPasswordJobsWaiting wait. Any thread. Must outlive its jobs.
class PasswordGate {
 public:
  explicit PasswordGate(WorkerPool& workers) : workers_(workers) {}
  /// Errors: unavailable (too many wait).
  Result<void> submit(Task job);

 private:
  void start(Task job);
  void finished();

  WorkerPool& workers_;
  std::mutex mutex_;
  std::size_t running_ = 0;
  std::deque<Task> waiting_;
};

}  // namespace dunlin::security
