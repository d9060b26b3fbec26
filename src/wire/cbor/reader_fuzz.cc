// Any bytes: no crash, every item takes bytes from the input, and reading ends.

#include <cstdlib>

#include "wire/cbor/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dunlin::cbor::Reader reader({data, size});
  while (!reader.at_end()) {
    const std::size_t left = reader.left();
    const auto item = reader.next();
    if (!item) return 0;
    if (reader.left() >= left || item->content.size() > left) std::abort();
  }
  return 0;
}
