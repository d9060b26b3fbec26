// Reads any text as the URI of a key in a token.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "keys/limits.h"
#include "keys/secret_source.h"
#include "keys/token_uri.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::keys;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto uri = parse_token_uri(text);
  if (!uri) return 0;
  DUNLIN_ASSERT(size <= kMaxUriBytes);
  DUNLIN_ASSERT(uri->module_path.starts_with('/'));
  DUNLIN_ASSERT(!uri->token.empty() || !uri->serial.empty());
  DUNLIN_ASSERT(uri->pin_source.empty() || check_secret_source(uri->pin_source));
  DUNLIN_ASSERT(!uri->shown.contains('?'));
  const std::string_view query = text.substr(std::min(text.size(), text.find('?')));
  DUNLIN_ASSERT(!query.starts_with("?pin-value=") && !query.contains("&pin-value="));
  return 0;
}
