#include "security/secret_file.h"

#include <array>
#include <cstdint>

#include "base/hex.h"

namespace dunlin::security {

Result<std::string> load_secret_file(Fs& fs, Rng& rng, const std::string& path) {
  constexpr std::size_t kBytes = 32;
  if (!fs.exists(path)) {
    std::array<std::uint8_t, kBytes> bytes{};
    rng.fill(bytes);
    const std::string text = to_hex(bytes);
    DUNLIN_CHECK(write_file_atomically(fs, path, as_bytes(text)));
    return text;
  }
  DUNLIN_TRY(std::string text, read_file(fs, path, kBytes * 2));
  if (text.size() != kBytes * 2 || !from_hex(text))
    return fail(Errc::corrupt, path + " is not what was written there");
  return text;
}

}  // namespace dunlin::security
