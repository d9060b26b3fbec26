// Any text as a URL: refused, or one whose parts make the same one again.
#include <cstdlib>

#include "net/http/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::net::http;
  const auto url = parse_url({reinterpret_cast<const char*>(data), size});
  if (!url) return 0;
  if (url->endpoint.port == 0 || !url->target.starts_with('/')) std::abort();
  const std::string scheme = url->scheme == Url::Scheme::https ? "https://" : "http://";
  const auto again = parse_url(scheme + url->endpoint.to_string() + url->target);
  if (!again || *again != *url) std::abort();
  return 0;
}
