// Any bytes: no crash, a verdict that does not depend on how they arrive, and never a wait past the limit.

#include <cstdlib>

#include "wire/proxy/header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::proxy;
  const dunlin::ByteView bytes{data, size};
  const HeaderResult whole = read_header(bytes);
  using Status = HeaderResult::Status;
  if (whole.status == Status::need_more && size >= kMaxHeaderBytes) std::abort();
  if (whole.status == Status::complete && (whole.length > size || whole.length > kMaxHeaderBytes))
    std::abort();
  if (whole.status == Status::error && whole.why.empty()) std::abort();
  // A shorter piece knows the same or less.
  const std::size_t step = size < 256 ? 1 : size / 64;
  for (std::size_t part = 0; part < size; part += step) {
    const HeaderResult result = read_header(bytes.first(part));
    if (result.status == Status::need_more) continue;
    if (result.status != whole.status || result.length != whole.length || result.header != whole.header)
      std::abort();
  }
  return 0;
}
