// Records of the log of samples that a broken disk made up: refused, or what encodes and decodes to itself.
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "base/core/bytes.h"
#include "service/series/sample_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::series;
  const auto record = decode_sample_record(as_text({data, size}));
  if (!record) return 0;
  const std::string bytes = encode_sample_record(*record);
  const auto again = decode_sample_record(bytes);
  DUNLIN_ASSERT(again.has_value() && encode_sample_record(*again) == bytes);
  return 0;
}
