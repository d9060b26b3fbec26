// Any bytes: no crash, and whatever is decoded survives encoding and decoding again.

#include "wire/mqtt/fuzz_property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dunlin::mqtt::test::check_input({data, size});
  return 0;
}
