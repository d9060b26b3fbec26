#include "security/totp.h"

#include <array>

#include "base/core/assert.h"
#include "net/http/text.h"
#include "security/crypto.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

constexpr std::uint64_t kStepSeconds = 30;
constexpr int kDigits = 6;

}  // namespace

std::string hotp(ByteView secret, std::uint64_t counter, int digits) {
  DUNLIN_ASSERT(digits >= kDigits && digits <= 8);
  std::array<std::uint8_t, 8> message{};
  for (std::size_t i = 0; i < message.size(); ++i)
    message[i] = static_cast<std::uint8_t>(counter >> (8 * (message.size() - 1 - i)));
  const auto mac = hmac_sha1(secret, message);
  const std::size_t at = mac.back() & 0x0f;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | mac[at + i];
  number &= 0x7fffffff;
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto place = text.rbegin(); place != text.rend(); ++place, number /= 10)
    *place = static_cast<char>('0' + number % 10);
  return text;
}

std::uint64_t totp_step(WallTime time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds) / kStepSeconds;
}

std::optional<std::uint64_t> match_totp(ByteView secret, std::string_view code, WallTime now,
                                        std::uint64_t used) {
  const std::uint64_t present = totp_step(now);
  std::optional<std::uint64_t> matched;
  for (std::uint64_t step = present < kTotpWindow ? 0 : present - kTotpWindow; step <= present + kTotpWindow;
       ++step) {
    if (constant_time_equal(hotp(secret, step, kDigits), code) && step > used) matched = step;
  }
  return matched;
}

std::string to_base32(ByteView bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  std::uint32_t pool = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    pool = (pool << 8 | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += kAlphabet[pool >> (bits - 5) & 31];
  }
  if (bits > 0) text += kAlphabet[pool << (5 - bits) & 31];
  return text;
}

std::string otpauth_uri(std::string_view issuer, std::string_view user, std::string_view secret_base32) {
  const std::string by = net::http::percent_encode(issuer);
  std::string uri = "otpauth://totp/" + by + ":" + net::http::percent_encode(user) + "?secret=";
  uri.append(secret_base32).append("&issuer=").append(by);
  return uri + "&algorithm=SHA1&digits=6&period=30";
}

}  // namespace dunlin::security
