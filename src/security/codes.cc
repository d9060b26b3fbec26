#include "security/codes.h"

#include <array>

namespace dunlin::security {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kCharacters = 16;
constexpr std::size_t kGroup = 4;

/// The character that is meant, or 0.
char meant(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') return '0';
  if (c == 'I' || c == 'L') return '1';
  return kAlphabet.contains(c) ? c : '\0';
}

}  // namespace

Secret make_code(Rng& rng) {
  std::array<std::uint8_t, kCharacters> random{};
  rng.fill(random);
  std::string code;
  code.reserve(kCharacters + kCharacters / kGroup);
  for (std::size_t i = 0; i < kCharacters; ++i) {
    if (i > 0 && i % kGroup == 0) code += '-';
    code += kAlphabet[random[i] % kAlphabet.size()];
  }
  return Secret(std::move(code));
}

Result<std::string> code_hash(std::string_view code) {
  std::string plain;
  plain.reserve(kCharacters);
  for (const char c : code) {
    if (c == '-' || c == ' ') continue;
    const char character = meant(c);
    if (character == '\0' || plain.size() == kCharacters)
      return fail(Errc::malformed, "a code has 16 letters and digits");
    plain += character;
  }
  if (plain.size() != kCharacters) return fail(Errc::malformed, "a code has 16 letters and digits");
  const std::string hash = sha256_hex(as_bytes(plain));
  wipe(plain);
  return hash;
}

}  // namespace dunlin::security
