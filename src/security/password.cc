#include "security/password.h"

#include <argon2.h>

#include <array>
#include <charconv>
#include <utility>

#include "security/jwt.h"
#include "security/limits.h"
#include "security/names.h"
#include "security/sas_token.h"

namespace dunlin::security {
namespace {

constexpr std::uint32_t kMaxStoredMemoryKib = 256 * 1024;
constexpr std::uint32_t kMaxStoredPasses = 16;

/// The number behind `key` ("m=" ...) in the stored text; 0 when it is not there.
std::uint32_t parameter(std::string_view stored, std::string_view key) {
  const std::size_t at = stored.find(key);
  if (at == std::string_view::npos) return 0;
  std::uint32_t value = 0;
  std::from_chars(stored.data() + at + key.size(), stored.data() + stored.size(), value);
  return value;
}

}  // namespace

Result<void> check_new_password(std::string_view password) {
  if (password.size() < kMinPasswordBytes || password.size() > kMaxPasswordBytes) {
    return fail(Errc::invalid_argument, "a password must have " + std::to_string(kMinPasswordBytes) + " to " +
                                            std::to_string(kMaxPasswordBytes) + " bytes");
  }
  if (!is_clean_utf8(password)) return fail(Errc::invalid_argument, "a password must be text");
  if (password.starts_with("dt_") || password.starts_with("at_") || looks_like_jwt(password) ||
      looks_like_sas_token(password)) {
    return fail(Errc::invalid_argument,
                "a password must not look like a token (dt_, at_, a JWT or SAS token)");
  }
  return {};
}

Result<std::string> hash_password(std::string_view password, Rng& rng, const PasswordCost& cost) {
  std::array<std::uint8_t, 16> salt{};
  rng.fill(salt);
  std::string encoded(argon2_encodedlen(cost.passes, cost.memory_kib, 1, salt.size(), 32, Argon2_id), '\0');
  const int status = argon2id_hash_encoded(cost.passes, cost.memory_kib, 1, password.data(), password.size(),
                                           salt.data(), salt.size(), 32, encoded.data(), encoded.size());
  if (status != ARGON2_OK)
    return fail(Errc::unavailable,
                std::string("the password could not be hashed: ") + argon2_error_message(status));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

bool verify_password(std::string_view stored, std::string_view password) {
  if (!stored.starts_with("$argon2id$") || stored.size() > 512) return false;
  if (parameter(stored, "$m=") > kMaxStoredMemoryKib || parameter(stored, ",t=") > kMaxStoredPasses)
    return false;
  if (parameter(stored, ",p=") != 1) return false;
  return argon2id_verify(std::string(stored).c_str(), password.data(), password.size()) == ARGON2_OK;
}

Result<void> PasswordGate::submit(Task job) {
  {
    const std::lock_guard lock(mutex_);
    if (running_ == kPasswordJobsAtOnce) {
      if (waiting_.size() == kPasswordJobsWaiting)
        return fail(Errc::unavailable, "too many sign-ins at once; try again");
      waiting_.push_back(std::move(job));
      return {};
    }
    ++running_;
  }
  start(std::move(job));
  return {};
}

void PasswordGate::start(Task job) {
  workers_.run([this, job = std::move(job)]() mutable {
    job();
    finished();
  });
}

void PasswordGate::finished() {
  Task next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  start(std::move(next));
}

}  // namespace dunlin::security
