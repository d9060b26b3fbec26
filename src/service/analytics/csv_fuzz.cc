// CSV files of anybody: rows or an error, the same however the bytes are cut.
#include <cstdlib>

#include "base/core/bytes.h"
#include "service/analytics/csv_analysis.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::analytics;
  const std::string_view file = as_text({data, size});
  CsvAnalysis whole;
  Result<void> fed = whole.feed(file);
  if (fed) fed = whole.finish();
  CsvAnalysis cut;
  Result<void> again;
  for (std::size_t at = 0; at < size && again; at += 5) again = cut.feed(file.substr(at, 5));
  if (again) again = cut.finish();
  if (fed.has_value() != again.has_value() || whole.take_output() != cut.take_output()) std::abort();
  return 0;
}
