// Any pack: records keep to the limits, and each that can be written is read again as it was.

#include <cstdlib>

#include "model/mapping.h"
#include "model/senml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  const WallTime now = from_unix_milliseconds(1'700'000'000'000);
  const auto records = model::read_senml(Slice::borrowed({data, size}), now);
  if (!records) return 0;
  if (records->empty() || records->size() > model::kMaxSamplesPerMessage) std::abort();
  for (const model::SenmlRecord& record : *records) {
    if (record.name.empty() || record.name.size() > model::kMaxChannelBytes) std::abort();
    if (model::senml_channel(record.name, "press-01", "x").empty()) std::abort();
    const auto json = model::senml_json(record);
    if (!json) continue;
    const std::string pack = "[" + *json + "]";
    const auto again = model::read_senml(Slice::borrowed(as_bytes(pack)), now);
    if (!again || again->size() != 1 || again->front() != record) std::abort();
  }
  return 0;
}
